#pragma once
#include <atomic>
#include <chrono>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "../wire/address_record.h"
#include "netlink_socket.h"

namespace holdfast::io {

enum class Operation : uint8_t { kAdd = 1, kRemove = 2, kExtend = 3 };

/* What others see of a batch under way, and what they may do to it, from any thread. */
struct BatchControl {
  std::atomic<uint32_t> done = 0;       /* records that have their status */
  std::atomic<bool> cancelled = false;  /* no other window of requests begins */
};

/* Times are of CLOCK_MONOTONIC, which steady_clock is. It goes on while this process is stopped. */
struct Terms {
  using Time = std::chrono::steady_clock::time_point;
  /* What the kernel has not been asked by then is -ETIME. Looked at before each window of requests. */
  Time not_after = Time::max();
  /* Until when the kernel keeps an alias, in whole seconds, rounded up; from then on it takes it away by itself,
   * within a second or so. Time::max(): until it is removed. */
  Time valid_until = Time::max();
};

struct PlumbOutcome {
  int error = 0;                        /* 0, or -errno: the batch could not be tried */
  std::vector<int32_t> statuses;        /* one a record: 0, or -errno */
  std::map<int32_t, std::string> texts; /* first words for each -errno: the kernel's, or why we did not ask it */
};

/* Adds, removes or extends a batch of addresses and local routes with our tag. Blocks while the kernel works; for a
 * worker thread.
 *
 * Adding what is there at this place and ours is 0; what is there as anybody else's is -EEXIST and stays as it is.
 * Removing what is not there is 0; what is there and not ours is -EPERM and stays as it is. -ECANCELED is what was not
 * begun when the batch was cancelled. Other statuses are the kernel's own: -ENODEV, -EINVAL, -EPERM without
 * CAP_NET_ADMIN; or -EAGAIN when it gave no answer in time.
 *
 * Extending is of aliases that are there and carry our tag: they are valid as `terms` says from now on. What is not so
 * is -EADDRNOTAVAIL and stays as it is. One that goes between the look and the request comes back with that lifetime.
 *
 * A kernel that keeps no tags (before 5.18) gets no lifetimes: what is ours there is told by its being permanent.
 *
 * `receive_bytes` is room for the kernel's answers. */
PlumbOutcome Plumb(Operation operation, uint8_t tag, std::span<const wire::AddressRecord> records, BatchControl& control,
                   const Terms& terms = {}, int receive_bytes = NetlinkSocket::kBufferBytes) noexcept;

}  // namespace holdfast::io
