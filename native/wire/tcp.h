#pragma once
/* A TCP segment that makes the other end of a connection say what it believes. */
#include <array>
#include <cstdint>
#include <vector>

#include "diag.h"
#include "netlink.h"

namespace holdfast::wire {

/* One family on both ends, and ports that are not 0. */
bool IsConnection(const ConnectionRecord& connection);

/* A whole IP packet. IPv4 uses the first 40 bytes. */
struct Segment {
  std::array<uint8_t, 60> bytes{};
  size_t size = 0;
};

/* A bare ACK from the local end to the remote one, with a sequence number that is the caller's choice and nothing
 * acknowledged. Whoever still has the connection answers one out of its window with an ACK (RFC 9293 section 3.10.7.4, "First");
 * that reaches whoever has the local address now, and is answered with an RST where there is no such connection. IP
 * header and all, because the address need not be this host's to send from. */
Segment BuildTickle(const ConnectionRecord& connection, uint32_t seq);

}  // namespace holdfast::wire
