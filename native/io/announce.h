#pragma once
#include <cstdint>
#include <span>

#include "../wire/arp.h"
#include "../wire/ndp.h"
#include "send_all.h"
#include "unique_fd.h"

namespace holdfast::io {

/* A raw AF_PACKET socket that sends and receives nothing. -EPERM without CAP_NET_RAW. Returns 0 or -errno. */
int OpenAnnouncer(UniqueFd& out) noexcept;

/* Sends a gratuitous ARP request and reply for each IPv4 address, and an unsolicited neighbour advertisement for each IPv6
 * address, in their order, to each of the Ethernet addresses `to` out of one interface. kBroadcast in `to` stands for
 * everybody, by what each family has for that. For a worker thread. */
SendOutcome Announce(int fd, uint32_t ifindex, const wire::Mac& mac, std::span<const wire::Mac> to,
                     std::span<const wire::IpAddress> addresses) noexcept;

/* Asks everybody who has each address, once, without claiming it: on behalf of the first address of its family in `from`, else
 * by a probe from no address. Like Announce() in all else. */
SendOutcome Probe(int fd, uint32_t ifindex, const wire::Mac& mac, std::span<const wire::IpAddress> addresses,
                  std::span<const wire::IpAddress> from) noexcept;

}  // namespace holdfast::io
