// HTTP load on a server of this machine: keep-alive clients on one thread (epoll), each with one request at a time.
//
// A closed loop sends a client's next request when the answer to its last is whole. An open loop sends at a given rate
// whatever the answers do, and times a request from when it was due, so that a server which stalls cannot hide it by
// being asked less. Thread-safety: one call, one thread. Cost: about 5 us of processor time a request, besides reading
// the answer's numbers.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "asterism/error.hpp"
#include "load/latency_histogram.hpp"

namespace asterism::load {

struct LoadOptions {
  std::string host = "127.0.0.1";  // an IPv4 address
  std::uint16_t port = 8080;
  std::string path = "/embed";
  std::vector<std::string> headers = {};  // "accept: application/json"
  std::size_t client_count = 1;
  std::chrono::nanoseconds warm_up{0};  // sent, not counted
  std::chrono::nanoseconds duration{std::chrono::seconds(1)};
  std::size_t request_count_max = 0;  // ends earlier; 0 = the time alone does
  double rate = 0.0;                  // requests a second of an open loop; 0 = closed loop
  // How long answers are waited for once no more is sent; what is then missing is lost.
  std::chrono::nanoseconds patience{std::chrono::seconds(30)};
  // What an answer of status 200 must hold; dim 0 = not looked at.
  std::size_t vector_count = 1;
  std::size_t dim = 0;
};

struct LoadReport {
  // From the last answer before the counted time to the last within it: servers that answer in batches are not cut
  // within one. To its end where none came in its second half.
  double seconds = 0.0;
  std::uint64_t accepted_in_time_count = 0;    // answers of status 200 within these seconds: the rate
  std::uint64_t answer_count = 0;              // of all, those of the warm-up too
  std::map<int, std::uint64_t> statuses = {};  // of all requests that began in the counted time
  LatencyHistogram accepted = {};              // of status 200
  LatencyHistogram refused = {};               // of any other
  std::vector<double> first_ms = {};           // the first answers' times, in order
  std::uint64_t invalid_count = 0;             // 200 without the vectors, or no HTTP
  std::uint64_t connect_error_count = 0;       // also a connection that ended while it had a request
  std::uint64_t lost_count = 0;                // sent or due, and never answered
  std::size_t busy_client_count_max = 0;       // of an open loop: how many clients it needed
  double processor_seconds = 0.0;              // of the generator itself
};

// `bodies` are sent in turn, with POST. kInvalidArgument without bodies or clients; kNetwork when nobody answers there.
Result<LoadReport> run_load(const LoadOptions& options, const std::vector<std::string>& bodies);

}  // namespace asterism::load
