// A server for tests: a program that prints "port N" once it listens, and ends when its standard input does, so that
// it is gone with the process that started it, however that ends.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

namespace asterism {

class ServerProcess {
 public:
  ServerProcess() = default;
  ServerProcess(const ServerProcess&) = delete;
  ServerProcess& operator=(const ServerProcess&) = delete;
  ~ServerProcess();

  // Its port, or 0 where it did not start. `command`: the program, sought in PATH, and its arguments.
  int start(std::vector<std::string> command);

 private:
  pid_t child_ = 0;
  int input_ = -1;
};

}  // namespace asterism
