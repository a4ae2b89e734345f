#pragma once
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "../wire/address_record.h"
#include "../wire/decode.h"

namespace holdfast::io {

/* All links. Like `ip link show`. Returns 0 or -errno. */
int ListLinks(std::vector<wire::LinkRecord>& out) noexcept;

/* All interface addresses and all local host routes that are not the kernel's own, IPv4 and IPv6. Like
 * `ip address show` and `ip route show table local type local`. `tag` 0 to 255: only those; -1: all. 0 or -errno. */
int ListAddresses(int tag, std::vector<wire::AddressRecord>& out) noexcept;

enum class Operation : uint8_t { kAdd = 1, kRemove = 2 };

struct PlumbOutcome {
  int error = 0;                        /* 0, or -errno: the batch could not be tried */
  std::vector<int32_t> statuses;        /* one a record: 0, or -errno */
  std::map<int32_t, std::string> texts; /* first words for each -errno: the kernel's, or why we did not ask it */
};

/* Adds or removes a batch of addresses and local routes with our tag. Blocks while the kernel works; for a worker thread.
 *
 * Adding what is there at this place and ours is 0; what is there as anybody else's is -EEXIST and stays as it is.
 * Removing what is not there is 0; what is there and not ours is -EPERM and stays as it is. Other statuses are the
 * kernel's own: -ENODEV, -EINVAL, -EPERM without CAP_NET_ADMIN; or -EAGAIN when it gave no answer in time. */
PlumbOutcome Plumb(Operation operation, uint8_t tag, std::span<const wire::AddressRecord> records) noexcept;

}  // namespace holdfast::io
