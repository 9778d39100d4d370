// The job on RESTinio, over the same Asio, with the same limits.
//
//   asterism_http_restinio PORT THREADS
#include <restinio/all.hpp>

#include "http_libraries/job.hpp"

namespace asterism::http_libraries {
namespace {

constexpr std::size_t kHeaderCountMax = 100;
constexpr std::size_t kBodySizeBytesMax = std::size_t{1} << 20;
constexpr std::chrono::seconds kTimeMax{30};

restinio::request_handling_status_t answer(const restinio::request_handle_t& request) {
  const bool known = request->header().method() == restinio::http_method_post() && request->header().path() == kPath;
  auto response = request->create_response(known ? restinio::status_ok() : restinio::status_not_found());
  response.append_header(restinio::http_field::content_type, "application/json");
  response.set_body(known ? answer_of(request->body()) : std::string());
  return response.done();
}

template <typename Settings>
void serve(Settings settings, unsigned short port) {
  settings.address("127.0.0.1")
      .port(port)
      .read_next_http_message_timelimit(kTimeMax)
      .write_http_response_timelimit(kTimeMax)
      .handle_request_timeout(kTimeMax)
      .incoming_http_msg_limits(
          restinio::incoming_http_msg_limits_t{}.max_field_count(kHeaderCountMax).max_body_size(kBodySizeBytesMax))
      .socket_options_setter([](auto& options) { options.set_option(restinio::asio_ns::ip::tcp::no_delay(true)); })
      .request_handler(answer);
  restinio::run(std::move(settings));
}

}  // namespace
}  // namespace asterism::http_libraries

int main(int argument_count, char** arguments) {
  using namespace asterism;
  const auto parsed = http_libraries::arguments_of(argument_count, arguments);
  if (parsed.port == 0 || parsed.thread_count == 0) {
    return EXIT_FAILURE;
  }
  if (parsed.thread_count == 1) {
    http_libraries::serve(restinio::on_this_thread<restinio::default_single_thread_traits_t>(), parsed.port);
  } else {
    http_libraries::serve(restinio::on_thread_pool<restinio::default_traits_t>(parsed.thread_count), parsed.port);
  }
  return EXIT_SUCCESS;
}
