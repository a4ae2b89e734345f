#pragma once
/* ARP frames for Ethernet and IPv4: those that announce, ask and answer, and what others sent. */
#include <array>
#include <cstdint>

#include "decode.h"
#include "ip_address.h"
#include "netlink.h"

namespace holdfast::wire {

/* 42 bytes of ARP over Ethernet, padded with zeros to the least an Ethernet frame may have without its checksum. */
using ArpFrame = std::array<uint8_t, 60>;

/* Neighbours differ in which of the two they heed, so both are sent. */
enum class ArpForm : uint8_t {
  kRequest = 1, /* RFC 5227 section 3, "ARP Announcement": target hardware address zero */
  kReply = 2,   /* RFC 5944 section 4.6: target hardware address is the sender's */
};

constexpr Mac kBroadcast{0xff, 0xff, 0xff, 0xff, 0xff, 0xff};

/* Can be the hardware address of one device: no group's, and not nobody's. */
constexpr bool IsHost(const Mac& mac) { return (mac[0] & 1) == 0 && mac != Mac{}; }

/* From `mac` to the Ethernet address `to`; sender and target protocol address are both `address`. */
ArpFrame BuildAnnouncement(ArpForm form, const Mac& mac, const Ipv4& address, const Mac& to = kBroadcast);

/* Asks all whether somebody has `address`, without claiming it: from no address (RFC 5227 section 2.1.1). */
ArpFrame BuildArpProbe(const Mac& mac, const Ipv4& address);

/* Asks for `address` on behalf of `sender`, who is told. A probe would make whoever is just about to take `address` give it up
 * (RFC 5227 section 2.1.1); this does not. */
ArpFrame BuildArpQuestion(const Mac& mac, const Ipv4& sender, const Ipv4& address);

struct ArpMessage {
  ArpForm form;
  Mac sender_mac;
  Ipv4 sender;
  Ipv4 target;
};

/* A request or reply for Ethernet and IPv4, from one host's hardware address; false for anything else. */
bool ParseArp(Bytes frame, ArpMessage& out);

/* The reply to a request for `request.target`, to whoever asked. */
ArpFrame BuildArpAnswer(const Mac& mac, const ArpMessage& request);

}  // namespace holdfast::wire
