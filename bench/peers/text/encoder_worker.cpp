// The project's own contender: the protocol of worker.py over the public API, so that process start and model load
// are outside the measured time for all alike.
//
//   asterism_peer_encoder_worker MODEL PRECISION THREADS      commands on stdin, one answer a line on stdout
#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstddef>
#include <cstdlib>
#include <expected>
#include <fstream>
#include <ios>
#include <iostream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "asterism/encoder.hpp"
#include "asterism/error.hpp"

namespace {

using asterism::Embeddings;
using asterism::Encoder;
using asterism::ErrorCode;
using asterism::Result;
using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

Result<std::size_t> parse_count(std::string_view text) {
  std::size_t count = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
  if (error != std::errc{} || end != text.data() + text.size() || count == 0) {
    return asterism::fail(ErrorCode::kUsage, "expected a positive number, found '" + std::string(text) + "'");
  }
  return count;
}

Result<asterism::Precision> parse_precision(std::string_view text) {
  if (text == "f32") return asterism::Precision::kF32;
  if (text == "bf16") return asterism::Precision::kBF16;
  return asterism::fail(ErrorCode::kUsage, "precision: expected f32 or bf16, found '" + std::string(text) + "'");
}

class Worker {
 public:
  explicit Worker(Encoder encoder) : encoder_(std::move(encoder)) {}

  // The answer to one command, without the leading "ok ".
  Result<std::string> answer(std::string_view command, std::string_view argument) {
    if (command == "texts") return read_texts(argument);
    if (command == "calibrate") return std::string("token budget");
    if (command == "encode") return encode_all();
    if (command == "single") return encode_singly(argument);
    if (command == "save") return save(argument);
    return asterism::fail(ErrorCode::kUsage, "unknown command '" + std::string(command) + "'");
  }

 private:
  Result<std::string> read_texts(std::string_view path) {
    std::ifstream file{std::string(path)};
    if (!file) return asterism::fail(ErrorCode::kNotFound, std::string(path) + ": cannot be read");
    texts_.clear();
    for (std::string line; std::getline(file, line);) texts_.push_back(line);
    return std::to_string(texts_.size());
  }

  Result<std::string> encode_all() {
    const Clock::time_point start = Clock::now();
    Result<Embeddings> vectors = encoder_.encode(texts_);
    const double seconds = seconds_since(start);
    if (!vectors) return std::unexpected(vectors.error());
    vectors_ = std::move(*vectors);
    std::size_t token_count = 0;
    for (const asterism::RowReport& report : vectors_.reports) token_count += report.token_count_used;
    return std::to_string(seconds) + " " + std::to_string(token_count);
  }

  Result<std::string> encode_singly(std::string_view argument) {
    const Result<std::size_t> count = parse_count(argument);
    if (!count) return std::unexpected(count.error());
    if (texts_.empty()) return asterism::fail(ErrorCode::kUsage, "single: no texts were given");
    std::string times;
    for (std::size_t i = 0; i < *count; ++i) {
      const std::string_view text = texts_[i % texts_.size()];
      const Clock::time_point start = Clock::now();
      const Result<Embeddings> vector = encoder_.encode(std::span(&text, 1));
      const double seconds = seconds_since(start);
      if (!vector) return std::unexpected(vector.error());
      times += std::to_string(seconds * 1e6) + "e-6 ";
    }
    times.pop_back();
    return times;
  }

  Result<std::string> save(std::string_view path) const {
    std::ofstream file{std::string(path), std::ios::binary};
    file.write(reinterpret_cast<const char*>(vectors_.values.data()),
               static_cast<std::streamsize>(vectors_.values.size() * sizeof(float)));
    if (!file.flush()) return asterism::fail(ErrorCode::kIo, std::string(path) + ": cannot be written");
    return std::to_string(vectors_.row_count) + " " + std::to_string(vectors_.dim) + " float32";
  }

  Encoder encoder_;
  std::vector<std::string> texts_;
  Embeddings vectors_;
};

Result<Encoder> load(std::string_view model, std::string_view precision, std::string_view threads) {
  asterism::EncoderOptions options;
  const Result<asterism::Precision> parsed = parse_precision(precision);
  if (!parsed) return std::unexpected(parsed.error());
  const Result<std::size_t> thread_count = parse_count(threads);
  if (!thread_count) return std::unexpected(thread_count.error());
  options.precision = *parsed;
  options.thread_count = *thread_count;
  return Encoder::load(model, options);
}

void serve(Worker& worker) {
  for (std::string line; std::getline(std::cin, line);) {
    const std::string_view whole = line;
    const std::size_t space = std::min(whole.find(' '), whole.size());
    const std::string_view command = whole.substr(0, space);
    if (command == "quit") return;
    const Result<std::string> answer = worker.answer(command, whole.substr(std::min(space + 1, whole.size())));
    if (answer) {
      std::cout << "ok " << *answer << '\n' << std::flush;
    } else {
      std::cout << "error " << answer.error().to_string() << '\n' << std::flush;
    }
  }
}

}  // namespace

int main(int argument_count, char** arguments) {
  if (argument_count != 4) {
    std::cerr << "usage: asterism_peer_encoder_worker MODEL f32|bf16 THREADS\n";
    return EXIT_FAILURE;
  }
  Result<Encoder> encoder = load(arguments[1], arguments[2], arguments[3]);
  if (!encoder) {
    std::cout << "error " << encoder.error().to_string() << '\n' << std::flush;
    return EXIT_FAILURE;
  }
  std::cout << "ok ready" << '\n' << std::flush;
  Worker worker(std::move(*encoder));
  serve(worker);
  return EXIT_SUCCESS;
}
