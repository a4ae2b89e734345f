#pragma once
/* Gratuitous ARP frames for Ethernet and IPv4. */
#include <array>
#include <cstdint>

#include "decode.h"
#include "ip_address.h"

namespace holdfast::wire {

/* 42 bytes of ARP over Ethernet, padded with zeros to the least an Ethernet frame may have without its checksum. */
using ArpFrame = std::array<uint8_t, 60>;

/* Neighbours differ in which of the two they heed, so both are sent. */
enum class ArpForm : uint8_t {
  kRequest = 1, /* RFC 5227 section 3, "ARP Announcement": target hardware address zero */
  kReply = 2,   /* RFC 5944 section 4.6: target hardware address is the sender's */
};

constexpr Mac kBroadcast{0xff, 0xff, 0xff, 0xff, 0xff, 0xff};

/* From `mac` to the Ethernet address `to`; sender and target protocol address are both `address`. */
ArpFrame BuildAnnouncement(ArpForm form, const Mac& mac, const Ipv4& address, const Mac& to = kBroadcast);

}  // namespace holdfast::wire
