#include "jwt/claims.hpp"

#include <utility>

#include <nlohmann/json.hpp>

namespace coerce::detail {

namespace {

using nlohmann::json;

/// Ends the parsing at the first thing that may not be there. A parser that builds a tree would
/// keep the last of several values of one name, and say nothing.
class Reader final : public nlohmann::json_sax<json> {
 public:
  Claims claims;

  bool start_object(std::size_t) override { return !std::exchange(begun_, true); }
  bool end_object() override { return true; }
  bool key(string_t& name) override {
    name_ = std::move(name);
    return claims.size() < kMostClaims && !claims.contains(name_);
  }
  bool string(string_t& value) override { return add(std::move(value)); }
  bool number_unsigned(number_unsigned_t value) override { return add(value); }

  bool null() override { return false; }
  bool boolean(bool) override { return false; }
  bool number_integer(number_integer_t) override { return false; }
  bool number_float(number_float_t, const string_t&) override { return false; }
  bool binary(binary_t&) override { return false; }
  bool start_array(std::size_t) override { return false; }
  bool end_array() override { return false; }
  bool parse_error(std::size_t, const std::string&, const json::exception&) override {
    return false;
  }

 private:
  template <class T>
  bool add(T value) {
    if (begun_) claims.emplace(std::move(name_), std::move(value));
    return begun_;
  }

  bool begun_ = false;
  std::string name_;
};

}  // namespace

std::string to_json(const Claims& claims) {
  json object = json::object();
  for (const auto& [name, value] : claims)
    std::visit([&, key = name](const auto& it) { object[key] = it; }, value);
  return object.dump();
}

std::optional<Claims> read_claims(std::string_view text) {
  Reader reader;
  if (!json::sax_parse(text, &reader)) return std::nullopt;
  return std::move(reader.claims);
}

}  // namespace coerce::detail
