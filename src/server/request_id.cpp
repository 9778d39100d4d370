#include "server/request_id.hpp"

#include <fmt/format.h>

#include <random>

namespace asterism::server {
namespace {

std::uint64_t random_word() {
  thread_local std::mt19937_64 engine = [] {
    std::random_device device;
    std::seed_seq seed{device(), device(), device(), device(), device(), device(), device(), device()};
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
