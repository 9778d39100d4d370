#include "contract/server_process.hpp"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdlib>

extern char** environ;

namespace asterism {
namespace {

std::string read_line(int file) {
  std::string line;
  for (char c = 0; ::read(file, &c, 1) == 1 && c != '\n';) {
    line += c;
  }
  return line;
}

}  // namespace

int ServerProcess::start(std::vector<std::string> command) {
  std::array<int, 2> input{};
  std::array<int, 2> output{};
  if (::pipe2(input.data(), O_CLOEXEC) != 0 || ::pipe2(output.data(), O_CLOEXEC) != 0) {
    return 0;
  }
  std::vector<char*> arguments;
  for (auto& part : command) {
    arguments.push_back(part.data());
  }
  arguments.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, input[0], STDIN_FILENO);
  posix_spawn_file_actions_adddup2(&actions, output[1], STDOUT_FILENO);
  const int failed = ::posix_spawnp(&child_, arguments[0], &actions, nullptr, arguments.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  ::close(input[0]);
  ::close(output[1]);
  input_ = input[1];
  if (failed != 0) {
    child_ = 0;
  }
  const auto line = failed == 0 ? read_line(output[0]) : std::string();
  ::close(output[0]);
  return line.starts_with("port ") ? std::atoi(line.c_str() + 5) : 0;
}

ServerProcess::~ServerProcess() {
  if (input_ >= 0) {
    ::close(input_);
  }
  if (child_ > 0) {
    ::waitpid(child_, nullptr, 0);
  }
}

}  // namespace asterism
