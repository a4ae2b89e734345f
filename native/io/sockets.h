#pragma once
#include <cstdint>
#include <map>
#include <vector>

#include "../wire/diag.h"

namespace holdfast::io {

/* Established TCP connections whose local end is one of the addresses, also those that the peer has closed (CLOSE_WAIT).
 * Like `ss -tn src ADDRESS...`. Returns 0 or -errno: -EPROTONOSUPPORT or -ENOENT without CONFIG_INET_DIAG. */
int ListConnections(const wire::AddressSet& addresses, std::vector<wire::ConnectionRecord>& out) noexcept;

struct KillOutcome {
  int error = 0;                       /* 0, or -errno: the sockets could not be listed */
  uint32_t closed = 0;                 /* sockets */
  std::map<int32_t, uint32_t> failed;  /* sockets that stay, by -errno */
};

/* Closes every TCP socket with a local end on one of the addresses, except TIME_WAITs, and every connected UDP socket;
 * those that listen for TCP connections only if `listening`. Whoever has one gets ECONNABORTED. The peer of a connection gets
 * an RST, provided that the address is still there: take addresses away afterwards. Like `ss -K src ADDRESS...`.
 *
 * Failures are the kernel's: -EPERM without CAP_NET_ADMIN, -EOPNOTSUPP or (before 4.5) -EINVAL where it closes no sockets
 * (CONFIG_INET_DIAG_DESTROY). */
KillOutcome KillSockets(const wire::AddressSet& addresses, bool listening) noexcept;

}  // namespace holdfast::io
