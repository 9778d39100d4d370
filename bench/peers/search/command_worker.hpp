// What our workers of bench/peers/search share: commands on stdin, answers on stdout, and arrays of vectors.
#pragma once

#include <cstdlib>
#include <iostream>
#include <sstream>
#include <string>
#include <string_view>

#include "asterism/error.hpp"
#include "weights/npy.hpp"

namespace asterism::bench {

// f32, [rows, dim], from the file that `arguments` name.
inline Result<Tensor> read_vectors(std::istringstream& arguments) {
  std::string path;
  arguments >> path;
  auto tensor = read_npy(path);
  if (tensor && (tensor->dtype() != DType::kF32 || tensor->shape().size() != 2)) {
    return fail(ErrorCode::kMismatch, path + ": expected an array of float32 with two dimensions");
  }
  return tensor;
}

// main() of a Worker(thread_count) that has answer(command, arguments): until "quit" or the end of stdin.
template <typename Worker>
int serve_commands(int argument_count, char** arguments, std::string_view program) {
  if (argument_count != 2) {
    std::cerr << "usage: " << program << " THREADS\n";
    return EXIT_FAILURE;
  }
  Worker worker(std::strtoul(arguments[1], nullptr, 10));
  std::cout << "ok ready" << '\n' << std::flush;
  for (std::string line; std::getline(std::cin, line);) {
    std::istringstream words(line);
    std::string command;
    words >> command;
    if (command == "quit") break;
    const Result<std::string> answer = worker.answer(command, words);
    std::cout << (answer ? "ok " + *answer : "error " + answer.error().to_string()) << '\n' << std::flush;
  }
  return EXIT_SUCCESS;
}

}  // namespace asterism::bench
