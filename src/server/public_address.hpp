// Which IP addresses belong to the public internet: what a server may be sent to by its clients' words.
//
// Source: IANA's registries of special-purpose IPv4 and IPv6 addresses (RFC 6890). Thread-safety: pure.
#pragma once

#include <string_view>

namespace asterism::server {

// "93.184.216.34", "2606:2800::1". False for private, local, shared, documentation, multicast and reserved ranges, for
// addresses that wrap an IPv4 one, and for what is no address.
bool is_public_address(std::string_view ip_address);

}  // namespace asterism::server
