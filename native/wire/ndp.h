#pragma once
/* Neighbour discovery over Ethernet: ICMPv6 in IPv6 without extension headers (RFC 4861 sections 4.3, 4.4; RFC 2464). */
#include <array>
#include <cstdint>
#include <optional>

#include "decode.h"
#include "ip_address.h"
#include "netlink.h"

namespace holdfast::wire {

/* ff02::1, and where Ethernet carries it. */
constexpr IpAddress kAllNodes{0xff, 0x02, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};
constexpr Mac kAllNodesMac{0x33, 0x33, 0, 0, 0, 1};

/* 14 bytes of Ethernet, 40 of IPv6, 24 of advertisement, 8 of target link-layer address. */
using AdvertisementFrame = std::array<uint8_t, 86>;

/* Unsolicited: the override flag is set, so that who knows another hardware address takes this one at once; the solicited and
 * router flags are clear. To all nodes by IPv6 (RFC 4861 section 7.2.6), whoever `to` is by Ethernet: a host takes a multicast packet
 * in a frame for itself (RFC 6085). */
AdvertisementFrame BuildAdvertisement(const Mac& mac, const IpAddress& target, const Mac& to = kAllNodesMac);

/* 14 bytes of Ethernet, 40 of IPv6, 24 of solicitation. */
using SolicitationFrame = std::array<uint8_t, 78>;

/* Asks whether somebody has `target`, without claiming it: from no address, to the solicited-node group (RFC 4862 section
 * 5.4.2). Who has it answers to all nodes. */
SolicitationFrame BuildNdpProbe(const Mac& mac, const IpAddress& target);

/* The same with 8 bytes of source link-layer address. */
using QuestionFrame = std::array<uint8_t, 86>;

/* Asks for `target` on behalf of `source`, who is told (RFC 4861 section 7.2.2). A probe would make whoever is just about to take
 * `target` give it up (RFC 4862 section 5.4.3); this does not. */
QuestionFrame BuildNdpQuestion(const Mac& mac, const IpAddress& source, const IpAddress& target);

enum class NdpType : uint8_t { kSolicitation = 135, kAdvertisement = 136 };

struct NdpMessage {
  NdpType type;
  Mac from; /* by Ethernet */
  IpAddress source;
  IpAddress destination;
  IpAddress target;
  bool solicited; /* advertisements only */
  bool override_;
  std::optional<Mac> link_layer; /* of the source in a solicitation, of the target in an advertisement */
};

/* A solicitation or advertisement that passes the checks of RFC 4861 sections 7.1.1 and 7.1.2; false for anything else. */
bool ParseNdp(Bytes frame, NdpMessage& out);

/* The advertisement that answers a solicitation: to whoever asked, or to all nodes where that was a probe from no address
 * (RFC 4861 section 7.2.4). */
AdvertisementFrame BuildNdpAnswer(const Mac& mac, const NdpMessage& solicitation);

}  // namespace holdfast::wire
