// asterism serve
#include <fmt/format.h>

#include <CLI/CLI.hpp>

#include "cli/command.hpp"
#include "cli/help.hpp"
#include "cli/server_run.hpp"
#include "server/embed_server.hpp"

namespace asterism::cli {
namespace {

constexpr std::size_t kKiB = std::size_t{1} << 10;
constexpr std::size_t kMiB = std::size_t{1} << 20;

struct ServeArguments {
  std::vector<std::string> models;
  server::EmbedServerOptions options;
  std::string precision = "auto";
  std::size_t port = 8080;
  std::size_t queue_ms = 0;
  std::size_t cache_mb = 64;
  std::size_t memory_mb = 0;
  std::size_t body_mb = 64;
  std::size_t compress_kb = 0;
  std::size_t thread_count = 0;
  std::string api_key_file;
  bool no_tcp = false;
  bool access_log = false;
};

Result<server::EmbedServerOptions> to_options(const ServeArguments& arguments, Console& console) {
  server::EmbedServerOptions options = arguments.options;
  options.models = arguments.models.empty() ? std::vector<std::string>{std::string(kBuiltinModel)} : arguments.models;
  if (arguments.port > kLargestPort) {
    return fail(ErrorCode::kUsage, fmt::format("--port: expected at most {}, found {}", kLargestPort, arguments.port));
  }
  const auto precision = choose<Precision>(
      "--precision", {{"auto", Precision::kAuto}, {"f32", Precision::kF32}, {"bf16", Precision::kBF16}},
      arguments.precision);
  if (!precision) {
    return std::unexpected(precision.error());
  }
  options.http.port = static_cast<std::uint16_t>(arguments.port);
  options.http.tcp = !arguments.no_tcp;
  options.pool.encoder.precision = *precision;
  options.pool.encoder.thread_count = arguments.thread_count;
  options.pool.size_bytes_max = arguments.memory_mb * kMiB;
  options.limits.task_row_count_max = options.scheduler.queue_row_count_max;
  options.scheduler.queue_time_max = std::chrono::milliseconds(arguments.queue_ms);
  options.scheduler.cache_size_bytes = arguments.cache_mb * kMiB;
  options.body_size_bytes_max = arguments.body_mb * kMiB;
  options.compression_size_bytes_min = arguments.compress_kb * kKiB;
  if (!arguments.api_key_file.empty()) {
    auto keys = server::read_api_keys(arguments.api_key_file);
    if (!keys) {
      return std::unexpected(keys.error());
    }
    options.keys = *std::move(keys);
  }
  if (arguments.access_log) {
    options.access_log = [&console](std::string_view line) {
      console.print(fmt::format("{}\n", line));
      (void)console.flush();
    };
  }
  return options;
}

Result<int> serve(const ServeArguments& arguments, Console& console) {
  const StopSignals signals;
  auto options = to_options(arguments, console);
  if (!options) {
    return std::unexpected(options.error());
  }
  return run_server(signals, *std::move(options), console, [&](const std::vector<std::string>& addresses) {
    for (const std::string& address : addresses) {
      console.note(fmt::format("serving on {}", address));
    }
  });
}

void add_listen_options(CLI::App& command, ServeArguments& arguments) {
  auto& http = arguments.options.http;
  const auto add = [&](const std::string& name, auto& value, const std::string& type, const std::string& description) {
    command.add_option(name, value, description)->type_name(type)->group("Address");
  };
  add("--host", http.host, "ADDRESS", "address to listen on; 0.0.0.0: every network [127.0.0.1]");
  add("--port", arguments.port, "N", "TCP port; 0: one that is free [8080]");
  add("--unix-socket", http.unix_socket, "PATH", "a local socket to listen on as well");
  command.add_flag("--no-tcp", arguments.no_tcp, "only the local socket")->group("Address");
  add("--tls-certificate", http.tls_certificate_file, "FILE", "certificate chain in PEM form: serves https");
  add("--tls-key", http.tls_key_file, "FILE", "the certificate's key in PEM form");
  add("--api-key-file", arguments.api_key_file, "FILE",
      "keys that clients need, a line each: NAME SCOPE KEY [REQUESTS_PER_SECOND]; scope: read, write or admin");
  command
      .add_option("--cors-origin", arguments.options.cors_origins,
                  "an origin whose pages may ask (https://app.example.com); several; *: any")
      ->type_name("ORIGIN")
      ->group("Address");
  command
      .add_option("--fetch-host", arguments.options.fetches.hosts,
                  "a host whose pictures clients may name by address (images.example.com, *.example.com); several")
      ->type_name("HOST")
      ->group("Address");
  command
      .add_option("--otlp-endpoint", arguments.options.traces.endpoint,
                  "a collector of traces, by OTLP over HTTP (http://127.0.0.1:4318)")
      ->type_name("URL")
      ->group("Output");
  command.add_flag("--access-log", arguments.access_log, "one JSON object a request on stdout")->group("Output");
}

void add_limit_options(CLI::App& command, ServeArguments& arguments) {
  const auto add = [&](const std::string& name, std::size_t& value, const std::string& description,
                       std::size_t minimum = 1) {
    add_count(command, name, value, description, minimum)->group("Limits");
  };
  add("--threads", arguments.thread_count, "threads of a model; 0: all processors [0]", 0);
  add("--io-threads", arguments.options.http.thread_count, "threads that read and write connections [1]");
  add("--queue-rows", arguments.options.scheduler.queue_row_count_max,
      "rows that may wait; more is answered with 429 [8192]");
  add("--queue-ms", arguments.queue_ms,
      "milliseconds that a request may wait for its turn; one that would wait longer is answered with 429, 0: any time "
      "[0]",
      0);
  add("--client-rows", arguments.options.limits.row_count_max, "rows of one request [2048]");
  add("--cache-mb", arguments.cache_mb, "vectors kept by content; 0: none [64]", 0);
  add("--memory-mb", arguments.memory_mb, "model files loaded at once; 0: no limit [0]", 0);
  add("--body-mb", arguments.body_mb, "largest body of a request [64]");
  add("--requests", arguments.options.limits.request_count_max, "requests in flight; more is answered with 429 [512]");
  add("--compress-kb", arguments.compress_kb,
      "answers from this size on are compressed for clients that take it; 0: none [0]", 0);
  add("--connections", arguments.options.http.connection_count_max, "open connections [16384]");
}

}  // namespace

void add_serve(CLI::App& root, CommandLine& line) {
  CLI::App& command = *root.add_subcommand(
      "serve", "Serve vectors over HTTP, to clients of text-embeddings-inference, OpenAI and Cohere.");
  auto arguments = std::make_shared<ServeArguments>();
  command
      .add_option("-m,--model", arguments->models,
                  "a model to serve, as for embed; several: the first is the default [builtin]")
      ->type_name("MODEL")
      ->group("Model");
  command.add_option("--precision", arguments->precision, "auto, f32 or bf16 [auto]")
      ->type_name("PRECISION")
      ->group("Model");
  command
      .add_option("--collections", arguments->options.collections_folder,
                  "a folder of collections to serve under /v1/collections; made where there is none [no collections]")
      ->type_name("FOLDER")
      ->group("Collections");
  command
      .add_option("--jobs", arguments->options.jobs_folder,
                  "a folder for bulk jobs under /v1/jobs; made where there is none [.jobs in that of --collections]")
      ->type_name("FOLDER")
      ->group("Collections");
  add_listen_options(command, *arguments);
  add_limit_options(command, *arguments);
  add_common_options(command, line);
  set_examples(
      command,
      {{"asterism serve -m all-MiniLM-L6-v2", "http://127.0.0.1:8080 for this machine alone"},
       {"curl localhost:8080/embed -H 'content-type: application/json' -d '{\"inputs\": \"a text\"}'",
        "ask it, as one would ask text-embeddings-inference"},
       {"asterism serve -m all-MiniLM-L6-v2 -m efficientnet-lite0 --unix-socket /run/asterism.sock",
        "texts and pictures, over a local socket as well"},
       {"asterism serve -m all-MiniLM-L6-v2 --collections collections/", "search and bulk jobs beside vectors"},
       {"asterism serve --host 0.0.0.0 --api-key-file keys.txt --tls-certificate c.pem --tls-key k.pem",
        "for a network: keys and TLS"}});
  command.callback(
      [arguments, &line] { line.action = [arguments](Console& console) { return serve(*arguments, console); }; });
}

}  // namespace asterism::cli
