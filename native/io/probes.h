#pragma once
#include <atomic>
#include <cstdint>
#include <span>
#include <vector>

#include "../wire/address_record.h"
#include "netlink_socket.h"

namespace holdfast::io {

/* Waits until the kernel has asked whether another host has the addresses (kFlagProbe) of a batch that was added; a second or
 * two, at most kProbeSeconds. Statuses that are 0 and should not stay so become -EADDRINUSE (another host has it),
 * -ECANCELED (`cancelled` was set first), or -ETIMEDOUT (nobody was asked, as on a link without carrier).
 * @returns those records, which are to be taken away again. */
std::vector<wire::AddressRecord> AwaitProbes(NetlinkSocket& socket, std::span<const wire::AddressRecord> records,
                                             std::span<int32_t> statuses, const std::atomic<bool>& cancelled) noexcept;

constexpr int kProbeSeconds = 20;

}  // namespace holdfast::io
