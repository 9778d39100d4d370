// What JSON costs a request: reading a body as the routes do, and writing the answer's vectors. Prints one JSON object.
//
//   asterism_serve_json_cost BODIES DIM     BODIES: a file with a body a line, {"inputs": [texts]}
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <random>
#include <string>
#include <vector>

#include "base/json.hpp"
#include "server/vector_writer.hpp"

namespace asterism::server {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kRepeatCount = 200;

double median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::ranges::nth_element(values, middle);
  return *middle;
}

// Milliseconds of `work`, median of many calls.
template <typename Work>
double time_ms(Work work) {
  std::vector<double> times;
  for (std::size_t i = 0; i < kRepeatCount; ++i) {
    const auto start = Clock::now();
    work(i);
    times.push_back(std::chrono::duration<double, std::milli>(Clock::now() - start).count());
  }
  return median(std::move(times));
}

struct Parsed {
  std::size_t text_count = 0;
  std::size_t size_bytes = 0;
};

// The texts of a body; nothing where it is none.
Parsed parse(const std::string& body) {
  const auto json = parse_json(body, "request body");
  Parsed out;
  if (json && json->contains("inputs")) {
    for (const Json& text : (*json)["inputs"]) {
      out.size_bytes += text.get<std::string>().size();
      ++out.text_count;
    }
  }
  return out;
}

std::vector<float> unit_vectors(std::size_t row_count, std::size_t dim) {
  std::mt19937 random(1);
  std::normal_distribution<float> normal(0.0F, 0.05F);
  std::vector<float> out(row_count * dim);
  std::ranges::generate(out, [&] { return normal(random); });
  return out;
}

int run(const char* path, std::size_t dim) {
  std::ifstream file(path);
  std::vector<std::string> bodies;
  for (std::string line; std::getline(file, line);) {
    bodies.push_back(std::move(line));
  }
  if (bodies.empty() || dim == 0 || parse(bodies.front()).text_count == 0) {
    fmt::print(stderr, "{}: expected bodies with `inputs` and a dim, found none\n", path);
    return EXIT_FAILURE;
  }
  const std::size_t row_count = parse(bodies.front()).text_count;
  std::size_t read_bytes = 0;
  const double read_ms = time_ms([&](std::size_t i) { read_bytes += parse(bodies[i % bodies.size()]).size_bytes; });
  const std::vector<float> vectors = unit_vectors(row_count, dim);
  std::size_t written_bytes = 0;
  const double write_ms = time_ms([&](std::size_t) {
    std::string out;
    append_json_rows(out, vectors, dim);
    written_bytes += out.size();
  });
  fmt::print("{}\n", Json{{"rows", row_count},
                          {"dim", dim},
                          {"read_ms", read_ms},
                          {"write_ms", write_ms},
                          {"text_bytes", read_bytes / kRepeatCount},
                          {"answer_bytes", written_bytes / kRepeatCount}}
                         .dump());
  return EXIT_SUCCESS;
}

}  // namespace
}  // namespace asterism::server

int main(int argument_count, char** arguments) {
  if (argument_count != 3) {
    fmt::print(stderr, "usage: asterism_serve_json_cost BODIES DIM\n");
    return EXIT_FAILURE;
  }
  return asterism::server::run(arguments[1], std::strtoul(arguments[2], nullptr, 10));
}
