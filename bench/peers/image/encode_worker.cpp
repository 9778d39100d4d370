// The project's own contender: the protocol of worker.py over the public API, so that process start and model load
// are outside the measured time for all alike. Files are read inside it.
//
//   asterism_peer_image_encoder MODEL PRECISION THREADS [BATCH]      commands on stdin, one answer a line on stdout
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

// Files in memory at a time, as the program's own windows hold them.
constexpr std::size_t kWindowFileCount = 256;
// With calibrate: enough for the bulk form to be compiled.
constexpr std::size_t kWarmUpFileCount = 64;

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

Result<std::string> read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary | std::ios::ate);
  if (!file) return asterism::fail(ErrorCode::kNotFound, path + ": cannot be read");
  std::string bytes(static_cast<std::size_t>(file.tellg()), '\0');
  file.seekg(0);
  file.read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  if (!file) return asterism::fail(ErrorCode::kIo, path + ": cannot be read to its end");
  return bytes;
}

class Worker {
 public:
  explicit Worker(Encoder encoder) : encoder_(std::move(encoder)) {}

  // The answer to one command, without the leading "ok ".
  Result<std::string> answer(std::string_view command, std::string_view argument) {
    if (command == "files") return read_names(argument);
    if (command == "calibrate") return warm_up();
    if (command == "encode") return encode_all();
    if (command == "save") return save(argument);
    return asterism::fail(ErrorCode::kUsage, "unknown command '" + std::string(command) + "'");
  }

 private:
  Result<std::string> read_names(std::string_view path) {
    std::ifstream file{std::string(path)};
    if (!file) return asterism::fail(ErrorCode::kNotFound, std::string(path) + ": cannot be read");
    names_.clear();
    for (std::string line; std::getline(file, line);) names_.push_back(line);
    return std::to_string(names_.size());
  }

  Result<std::string> warm_up() {
    const std::vector<std::string> all = names_;
    names_.resize(std::min(names_.size(), kWarmUpFileCount));
    Result<std::string> seconds = encode_all();
    names_ = all;
    if (!seconds) return seconds;
    return std::string("as it comes");
  }

  Result<std::string> encode_all() {
    const Clock::time_point start = Clock::now();
    vectors_.clear();
    for (std::size_t begin = 0; begin < names_.size(); begin += kWindowFileCount) {
      const std::size_t end = std::min(names_.size(), begin + kWindowFileCount);
      if (Result<void> done = encode_window(begin, end); !done) return std::unexpected(done.error());
    }
    return std::to_string(std::chrono::duration<double>(Clock::now() - start).count());
  }

  Result<void> encode_window(std::size_t begin, std::size_t end) {
    std::vector<std::string> files;
    for (std::size_t i = begin; i < end; ++i) {
      Result<std::string> bytes = read_file(names_[i]);
      if (!bytes) return std::unexpected(bytes.error());
      files.push_back(std::move(*bytes));
    }
    const std::vector<std::string_view> views(files.begin(), files.end());
    Result<Embeddings> result = encoder_.encode_images(views);
    if (!result) return std::unexpected(result.error());
    for (const asterism::RowReport& report : result->reports) {
      if (report.error) return std::unexpected(*report.error);
    }
    vectors_.insert(vectors_.end(), result->values.begin(), result->values.end());
    return {};
  }

  Result<std::string> save(std::string_view path) const {
    std::ofstream file{std::string(path), std::ios::binary};
    file.write(reinterpret_cast<const char*>(vectors_.data()),
               static_cast<std::streamsize>(vectors_.size() * sizeof(float)));
    if (!file.flush()) return asterism::fail(ErrorCode::kIo, std::string(path) + ": cannot be written");
    return std::to_string(names_.size()) + " " + std::to_string(encoder_.dim()) + " float32";
  }

  Encoder encoder_;
  std::vector<std::string> names_;
  std::vector<float> vectors_;
};

Result<Encoder> load(int argument_count, char** arguments) {
  asterism::EncoderOptions options;
  const Result<asterism::Precision> precision = parse_precision(arguments[2]);
  if (!precision) return std::unexpected(precision.error());
  const Result<std::size_t> thread_count = parse_count(arguments[3]);
  if (!thread_count) return std::unexpected(thread_count.error());
  options.precision = *precision;
  options.thread_count = *thread_count;
  if (argument_count == 5) {
    const Result<std::size_t> batch = parse_count(arguments[4]);
    if (!batch) return std::unexpected(batch.error());
    options.batch_image_count = *batch;
  }
  return Encoder::load(arguments[1], options);
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
  if (argument_count != 4 && argument_count != 5) {
    std::cerr << "usage: asterism_peer_image_encoder MODEL f32|bf16 THREADS [BATCH]\n";
    return EXIT_FAILURE;
  }
  Result<Encoder> encoder = load(argument_count, arguments);
  if (!encoder) {
    std::cout << "error " << encoder.error().to_string() << '\n' << std::flush;
    return EXIT_FAILURE;
  }
  std::cout << "ok ready" << '\n' << std::flush;
  Worker worker(std::move(*encoder));
  serve(worker);
  return EXIT_SUCCESS;
}
