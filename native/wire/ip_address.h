#pragma once
/* One address of either family in 16 bytes, as the LAN side of the kernel layer keeps it and as it crosses to TypeScript:
 * IPv6 as it is, IPv4 as IPv4-mapped IPv6 (RFC 4291 section 2.5.5.2), which no frame on a LAN may carry as an address of its
 * own. src/kernel/address.ts has the same. */
#include <array>
#include <cstdint>

namespace holdfast::wire {

using Ipv4 = std::array<uint8_t, 4>;
using IpAddress = std::array<uint8_t, 16>;

constexpr IpAddress Mapped(const Ipv4& address) {
  return {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, address[0], address[1], address[2], address[3]};
}

constexpr Ipv4 LastFour(const IpAddress& address) { return {address[12], address[13], address[14], address[15]}; }

constexpr bool IsIpv4(const IpAddress& address) { return address == Mapped(LastFour(address)); }

}  // namespace holdfast::wire
