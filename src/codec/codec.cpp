#include <coerce/codec/codec.hpp>

#include <fmt/format.h>

namespace coerce {

namespace {

constexpr std::string_view kNotTransmittable = "NotTransmittable: ";

}  // namespace

ActorRefErr detail::not_transmittable(ActorRefErrKind kind, std::string_view type_name) {
  const std::string text = fmt::format("{}no codec for {}", kNotTransmittable, type_name);
  return kind == ActorRefErrKind::Serialisation ? ActorRefErr::Serialisation(text)
                                                : ActorRefErr::Deserialisation(text);
}

bool is_not_transmittable(const ActorRefErr& error) noexcept {
  const bool of_codecs = error.kind() == ActorRefErr::Kind::Serialisation ||
                         error.kind() == ActorRefErr::Kind::Deserialisation;
  return of_codecs && error.detail().starts_with(kNotTransmittable);
}

}  // namespace coerce
