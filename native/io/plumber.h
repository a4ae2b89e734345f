#pragma once
#include <atomic>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "../wire/address_record.h"
#include "netlink_socket.h"

namespace holdfast::io {

enum class Operation : uint8_t { kAdd = 1, kRemove = 2 };

/* What others see of a batch under way, and what they may do to it, from any thread. */
struct BatchControl {
  std::atomic<uint32_t> done = 0;       /* records that have their status */
  std::atomic<bool> cancelled = false;  /* no other window of requests begins */
};

struct PlumbOutcome {
  int error = 0;                        /* 0, or -errno: the batch could not be tried */
  std::vector<int32_t> statuses;        /* one a record: 0, or -errno */
  std::map<int32_t, std::string> texts; /* first words for each -errno: the kernel's, or why we did not ask it */
};

/* Adds or removes a batch of addresses and local routes with our tag. Blocks while the kernel works; for a worker thread.
 *
 * Adding what is there at this place and ours is 0; what is there as anybody else's is -EEXIST and stays as it is.
 * Removing what is not there is 0; what is there and not ours is -EPERM and stays as it is. -ECANCELED is what was not
 * begun when the batch was cancelled. Other statuses are the kernel's own: -ENODEV, -EINVAL, -EPERM without CAP_NET_ADMIN; or
 * -EAGAIN when it gave no answer in time.
 *
 * `receive_bytes` is room for the kernel's answers. */
PlumbOutcome Plumb(Operation operation, uint8_t tag, std::span<const wire::AddressRecord> records, BatchControl& control,
                   int receive_bytes = NetlinkSocket::kBufferBytes) noexcept;

}  // namespace holdfast::io
