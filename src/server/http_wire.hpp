// A request's head and an answer's head as they stand on the wire. With connection.hpp and http_server.cpp all that
// knows Boost. Thread-safety: pure functions.
#pragma once

#include <boost/beast/http/message.hpp>
#include <boost/system/error_code.hpp>
#include <string>

#include "server/http_message.hpp"

namespace asterism::server {

// Gives the request an id where the client sent none.
HttpRequest make_head(const boost::beast::http::request_header<>& header, const std::string& client);

// 0 where what the client sent could be no request, or the client has gone.
int refusal_status(const boost::system::error_code& error);

struct Answer {
  HttpResponse response;
  bool keep_alive = false;
  bool chunked = false;  // of streams; clients of HTTP/1.0 see the end of the connection instead
};

std::string head_text(const Answer& answer, const HttpRequest& request);

}  // namespace asterism::server
