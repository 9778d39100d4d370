// A bounded load generator: clients of one HTTP server, JSON about what they saw.
//
//   asterism_load --port N --bodies FILE [--clients N] [--duration S] [--rate N] [--dim D] [--vectors N]
//
// FILE holds one request body a line. What is printed is one JSON object.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string>
#include <vector>

#include "base/json.hpp"
#include "load/load.hpp"

namespace asterism::load {
namespace {

struct Arguments {
  LoadOptions load;
  std::string bodies;
  double duration_s = 2.0;
  double warm_up_s = 0.5;
  double patience_s = 30.0;
};

std::chrono::nanoseconds seconds(double value) {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::duration<double>(value));
}

Result<std::vector<std::string>> read_lines(const std::string& path) {
  std::ifstream file(path);
  std::vector<std::string> out;
  for (std::string line; std::getline(file, line);) {
    if (!line.empty()) {
      out.push_back(std::move(line));
    }
  }
  if (out.empty()) {
    return fail(ErrorCode::kNotFound, fmt::format("{}: expected a request body a line, found none", path));
  }
  return out;
}

Json times(const LatencyHistogram& histogram) {
  return {{"count", histogram.count()},
          {"p50_ms", milliseconds(histogram.quantile(0.5))},
          {"p90_ms", milliseconds(histogram.quantile(0.9))},
          {"p99_ms", milliseconds(histogram.quantile(0.99))},
          {"max_ms", milliseconds(histogram.max())},
          {"mean_ms", histogram.mean_ms()}};
}

Json to_json(const LoadOptions& options, const LoadReport& report) {
  Json statuses = Json::object();
  for (const auto& [status, count] : report.statuses) {
    statuses[std::to_string(status)] = count;
  }
  const double rate = report.seconds > 0.0 ? static_cast<double>(report.accepted_in_time_count) / report.seconds : 0.0;
  return {{"clients", options.client_count},
          {"rate_asked", options.rate},
          {"seconds", report.seconds},
          {"requests_per_second", rate},
          {"vectors_per_second", rate * static_cast<double>(options.vector_count)},
          {"answers", report.answer_count},
          {"status", statuses},
          {"accepted", times(report.accepted)},
          {"refused", times(report.refused)},
          {"first_ms", report.first_ms},
          {"invalid", report.invalid_count},
          {"connect_errors", report.connect_error_count},
          {"lost", report.lost_count},
          {"busy_clients_max", report.busy_client_count_max},
          {"generator_processor_seconds", report.processor_seconds}};
}

Result<void> run(const Arguments& arguments) {
  const auto bodies = read_lines(arguments.bodies);
  if (!bodies) {
    return std::unexpected(bodies.error());
  }
  LoadOptions options = arguments.load;
  options.duration = seconds(arguments.duration_s);
  options.warm_up = seconds(arguments.warm_up_s);
  options.patience = seconds(arguments.patience_s);
  const auto report = run_load(options, *bodies);
  if (!report) {
    return std::unexpected(report.error());
  }
  fmt::print("{}\n", to_json(options, *report).dump(1));
  return {};
}

}  // namespace
}  // namespace asterism::load

int main(int argument_count, char** argument_values) {
  using asterism::load::Arguments;
  Arguments arguments;
  auto& load = arguments.load;
  CLI::App app("HTTP load on a server of this machine: latencies and rates as JSON.");
  app.add_option("--host", load.host, "IPv4 address [127.0.0.1]");
  app.add_option("--port", load.port, "TCP port")->required();
  app.add_option("--path", load.path, "path of the requests [/embed]");
  app.add_option("--header", load.headers, "a header of every request, \"accept: application/json\"; may repeat");
  app.add_option("--bodies", arguments.bodies, "file with a request body a line, sent in turn")->required();
  app.add_option("--clients", load.client_count, "keep-alive connections [1]");
  app.add_option("--duration", arguments.duration_s, "seconds that are counted [2]");
  app.add_option("--warm-up", arguments.warm_up_s, "seconds before them [0.5]");
  app.add_option("--patience", arguments.patience_s, "seconds that answers are waited for at the end [30]");
  app.add_option("--requests", load.request_count_max, "ends after so many; 0: the time alone does [0]");
  app.add_option("--rate", load.rate, "requests a second, whatever the answers do; 0: closed loop [0]");
  app.add_option("--vectors", load.vector_count, "vectors that an answer must hold [1]");
  app.add_option("--dim", load.dim, "values of each; 0: answers are not looked at [0]");
  CLI11_PARSE(app, argument_count, argument_values);
  const auto done = asterism::load::run(arguments);
  if (!done) {
    fmt::print(stderr, "asterism_load: {}\n", done.error().to_string());
    return asterism::error_traits(done.error().code).exit_code;
  }
  return EXIT_SUCCESS;
}
