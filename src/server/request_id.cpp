#include "server/request_id.hpp"

#include <fmt/format.h>
#include <openssl/rand.h>

#include <array>
#include <random>

namespace asterism::server {
namespace {

std::uint64_t random_word() {
  thread_local std::mt19937_64 engine = [] {
    std::array<std::uint32_t, 8> words{};
    // What it could not fill stays: ids are then less random, and none is lost.
    (void)RAND_bytes(reinterpret_cast<unsigned char*>(words.data()), sizeof(words));
    std::seed_seq seed(words.begin(), words.end());
    return std::mt19937_64(seed);
  }();
  return engine();
}

}  // namespace

std::string make_request_id() {
  return fmt::format("{:016x}{:016x}", random_word(), random_word());
}

std::string make_span_id() {
  return fmt::format("{:016x}", random_word() | 1U);  // never zero
}

}  // namespace asterism::server
