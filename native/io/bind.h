#pragma once
#include <cstdint>
#include <vector>

#include "../wire/ip_address.h"
#include "unique_fd.h"

namespace holdfast::io {

/* As it crosses from TypeScript: 18 bytes, the port little-endian. */
struct EndpointRecord {
  wire::IpAddress address;
  uint16_t port;
};
static_assert(sizeof(EndpointRecord) == 18);

/* A TCP socket that is bound and does not listen, whether this host has the address or not (IP_FREEBIND, ip(7)). With
 * SO_REUSEADDR, so that connections of a listener before it are not in the way; an IPv6 one takes no IPv4. Neither blocks, nor
 * survives exec.
 *
 * Returns 0 or -errno: -EADDRINUSE where another socket listens on that port of the address or of every address, -EACCES
 * below net.ipv4.ip_unprivileged_port_start without CAP_NET_BIND_SERVICE, -EMFILE. */
int BindAhead(const EndpointRecord& endpoint, UniqueFd& out) noexcept;

}  // namespace holdfast::io
