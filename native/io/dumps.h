#pragma once
#include <cstdint>
#include <vector>

#include "../wire/address_record.h"
#include "../wire/decode.h"
#include "netlink_socket.h"

namespace holdfast::io {

/* All links. Like `ip link show`. Returns 0 or -errno. */
int ListLinks(std::vector<wire::LinkRecord>& out) noexcept;

/* What a dump is to find. The kernel is asked for no more than that, where it knows how (NETLINK_GET_STRICT_CHK). */
struct AddressFilter {
  int tag = -1;             /* 0 to 255, or -1: all */
  uint32_t ifindex = 0;     /* 0: all. One that is no longer there has nothing. */
  bool aliases = true;      /* interface addresses */
  bool local_routes = true; /* local host routes that are not the kernel's own. The kernel has one of its own for each
                               interface address, and walks those too: half the time of a dump. */
};

/* IPv4 and IPv6. Like `ip address show` and `ip route show table local type local`. 0 or -errno. */
int ListAddresses(const AddressFilter& filter, std::vector<wire::AddressRecord>& out) noexcept;

/* The same of one family, over a socket that is open, appended to `out`. A kernel without that family has none. */
int DumpFamily(NetlinkSocket& socket, uint8_t family, const AddressFilter& filter,
               std::vector<wire::AddressRecord>& out) noexcept;

}  // namespace holdfast::io
