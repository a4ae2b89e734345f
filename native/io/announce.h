#pragma once
#include <cstdint>
#include <span>

#include "../wire/arp.h"
#include "../wire/ndp.h"
#include "unique_fd.h"

namespace holdfast::io {

/* A raw AF_PACKET socket that sends and receives nothing. -EPERM without CAP_NET_RAW. Returns 0 or -errno. */
int OpenAnnouncer(UniqueFd& out) noexcept;

struct AnnounceOutcome {
  uint32_t sent = 0; /* frames */
  uint32_t failed = 0;
  int first_error = 0; /* -errno of the first frame that failed */
};

/* Sends a gratuitous ARP request and reply for each IPv4 address, and an unsolicited neighbour advertisement for each IPv6
 * address, in their order, to each of the Ethernet addresses `to` out of one interface. kBroadcast in `to` stands for
 * everybody, by what each family has for that. Waits while the device's queue is full, up to some 100 ms in all; for a
 * worker thread. */
AnnounceOutcome Announce(int fd, uint32_t ifindex, const wire::Mac& mac, std::span<const wire::Mac> to,
                         std::span<const wire::IpAddress> addresses) noexcept;

}  // namespace holdfast::io
