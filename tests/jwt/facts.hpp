/// \file
/// Connections and keys for tests of tokens.

#pragma once

#include <coerce/jwt.hpp>

#include <memory>
#include <stdexcept>
#include <string>

#include <openssl/evp.h>
#include <openssl/pem.h>

#include "persistence/temporary_directory.hpp"

namespace coerce::test {

using namespace std::chrono_literals;

inline constexpr WallTime kNow{std::chrono::hours(24 * 365 * 55)};

/// What node 7, which dials, proves to node 9.
inline HelloFacts dialler_facts() {
  HelloFacts facts;
  facts.prover = HelloFacts::Role::Dial;
  facts.cluster = "cluster";
  facts.prover_id = 7;
  facts.verifier_id = 9;
  facts.prover_incarnation = {1'700'000'000'000'000'000, 0xfedcba9876543210};
  facts.verifier_incarnation = {1'700'000'000'000'000'001, 42};
  facts.prover_nonce = Bytes(32, 0x11);
  facts.verifier_nonce = Bytes(32, 0x22);
  facts.transcript = Bytes(32, 0x33);
  facts.channel_binding = Bytes(32, 0x44);
  facts.now = kNow;
  return facts;
}

/// Pairs of keys in files of one test.
class KeyFiles {
 public:
  /// Makes <name>.key and <name>.pub.
  void make_rsa(const std::string& name, unsigned bits = 2048) { write(name, EVP_RSA_gen(bits)); }
  void make_ec(const std::string& name, const char* curve = "P-256") {
    write(name, EVP_EC_gen(curve));
  }
  std::string key(const std::string& name) const { return directory_.file(name + ".key"); }
  std::string pub(const std::string& name) const { return directory_.file(name + ".pub"); }
  std::string file(const std::string& name) const { return directory_.file(name); }

 private:
  void write(const std::string& name, EVP_PKEY* made) {
    const std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> pair(made, &EVP_PKEY_free);
    const auto into = [&](const std::string& path, auto how) {
      const std::unique_ptr<BIO, decltype(&BIO_free)> file(BIO_new_file(path.c_str(), "w"),
                                                           &BIO_free);
      if (!pair || !file || how(file.get()) != 1) throw std::runtime_error("no key at " + path);
    };
    into(key(name), [&](BIO* file) {
      return PEM_write_bio_PrivateKey(file, pair.get(), nullptr, nullptr, 0, nullptr, nullptr);
    });
    into(pub(name), [&](BIO* file) { return PEM_write_bio_PUBKEY(file, pair.get()); });
  }

  TemporaryDirectory directory_;
};

}  // namespace coerce::test
