// Encodes texts for tokenizer_fuzz.py: tokenizer_encode PATH < texts > tokens.
//
// PATH is a tokenizer.json, a vocab.txt or a folder. Input: for each text its size in bytes (u32, little-endian) and
// its bytes. Output: for each text the token count (u32), then id, begin and end (u32 each) of every token.
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <iostream>
#include <iterator>
#include <string>
#include <string_view>

#include "tokenizer/tokenizer.hpp"

namespace {

void put(std::string& out, std::uint32_t value) {
  char bytes[sizeof value];
  std::memcpy(bytes, &value, sizeof value);
  out.append(bytes, sizeof bytes);
}

asterism::Result<asterism::Tokenizer> load(const std::string& path) {
  if (path.ends_with(".json")) {
    return asterism::Tokenizer::from_json_file(path);
  }
  return path.ends_with(".txt") ? asterism::Tokenizer::from_vocab_file(path) : asterism::Tokenizer::from_folder(path);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::cerr << "usage: tokenizer_encode PATH < texts > tokens\n";
    return 2;
  }
  const auto tokenizer = load(argv[1]);
  if (!tokenizer) {
    std::cerr << tokenizer.error().to_string() << '\n';
    return 1;
  }
  const std::string input{std::istreambuf_iterator<char>(std::cin), {}};
  asterism::TokenizerScratch scratch;
  asterism::Encoding encoding;
  std::string out;
  for (std::size_t at = 0; at + sizeof(std::uint32_t) <= input.size();) {
    std::uint32_t size_bytes = 0;
    std::memcpy(&size_bytes, input.data() + at, sizeof size_bytes);
    at += sizeof size_bytes;
    tokenizer->encode(std::string_view(input).substr(at, size_bytes), {.with_offsets = true}, scratch, encoding);
    at += size_bytes;
    put(out, static_cast<std::uint32_t>(encoding.ids.size()));
    for (std::size_t i = 0; i < encoding.ids.size(); ++i) {
      put(out, static_cast<std::uint32_t>(encoding.ids[i]));
      put(out, encoding.offsets[i].begin);
      put(out, encoding.offsets[i].end);
    }
  }
  std::fwrite(out.data(), 1, out.size(), stdout);
  return 0;
}
