// Tokenizer alone, one thread: the commands of tokenizer_worker.py.
//
//   asterism_peer_tokenizer_worker FOLDER
#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdlib>
#include <expected>
#include <fstream>
#include <iostream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "asterism/error.hpp"
#include "tokenizer/tokenizer.hpp"

namespace {

using asterism::Encoding;
using asterism::ErrorCode;
using asterism::Result;
using asterism::Tokenizer;
using Clock = std::chrono::steady_clock;

class Worker {
 public:
  explicit Worker(Tokenizer tokenizer) : tokenizer_(std::move(tokenizer)) {}

  Result<std::string> answer(std::string_view command, std::string_view argument) {
    if (command == "texts") return read_texts(argument);
    if (command == "encode") return encode_all();
    if (command == "ids") return write_ids(argument);
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
    // Fresh working memory each time: what it remembers of earlier texts would flatter a repeated measurement.
    asterism::TokenizerScratch scratch;
    Encoding encoding;
    std::size_t token_count = 0;
    const Clock::time_point start = Clock::now();
    for (const std::string& text : texts_) {
      tokenizer_.encode(text, {}, scratch, encoding);
      token_count += encoding.ids.size();
    }
    const double seconds = std::chrono::duration<double>(Clock::now() - start).count();
    return std::to_string(seconds) + " " + std::to_string(token_count);
  }

  // One line a text, ids separated by spaces.
  Result<std::string> write_ids(std::string_view path) {
    std::ofstream file{std::string(path)};
    asterism::TokenizerScratch scratch;
    Encoding encoding;
    for (const std::string& text : texts_) {
      tokenizer_.encode(text, {}, scratch, encoding);
      for (std::size_t i = 0; i < encoding.ids.size(); ++i) file << (i == 0 ? "" : " ") << encoding.ids[i];
      file << '\n';
    }
    if (!file.flush()) return asterism::fail(ErrorCode::kIo, std::string(path) + ": cannot be written");
    return std::to_string(texts_.size());
  }

  Tokenizer tokenizer_;
  std::vector<std::string> texts_;
};

}  // namespace

int main(int argument_count, char** arguments) {
  if (argument_count != 2) {
    std::cerr << "usage: asterism_peer_tokenizer_worker FOLDER\n";
    return EXIT_FAILURE;
  }
  Result<Tokenizer> tokenizer = Tokenizer::from_folder(arguments[1]);
  if (!tokenizer) {
    std::cout << "error " << tokenizer.error().to_string() << '\n' << std::flush;
    return EXIT_FAILURE;
  }
  std::cout << "ok ready" << '\n' << std::flush;
  Worker worker(std::move(*tokenizer));
  for (std::string line; std::getline(std::cin, line);) {
    const std::string_view whole = line;
    const std::size_t space = std::min(whole.find(' '), whole.size());
    if (whole.substr(0, space) == "quit") break;
    const Result<std::string> answer =
        worker.answer(whole.substr(0, space), whole.substr(std::min(space + 1, whole.size())));
    std::cout << (answer ? "ok " + *answer : "error " + answer.error().to_string()) << '\n' << std::flush;
  }
  return EXIT_SUCCESS;
}
