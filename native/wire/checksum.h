#pragma once
/* The checksum of IPv4, ICMPv6 and TCP (RFC 1071). */
#include <cstdint>

#include "netlink.h"

namespace holdfast::wire {

/* Adds 16-bit words of network order; an odd byte at the end counts as if a zero followed. For less than 64 KiB in all. */
inline uint32_t AddUp(Bytes bytes, uint32_t sum = 0) {
  for (size_t i = 0; i + 1 < bytes.size(); i += 2) sum += static_cast<uint32_t>(bytes[i] << 8 | bytes[i + 1]);
  if (bytes.size() % 2 != 0) sum += static_cast<uint32_t>(bytes.back() << 8);
  return sum;
}

/* The checksum of what was added up: 0 where the right one was in it already. */
inline uint16_t Checksum(uint32_t sum) {
  while (sum >> 16 != 0) sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<uint16_t>(~sum);
}

}  // namespace holdfast::wire
