#include "../wire/neighbours.h"

#include <doctest/doctest.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include "bytes.h"

namespace holdfast {

constexpr std::array<uint8_t, 4> kAddress{10, 1, 1, 7};
constexpr std::array<uint8_t, 16> kAddress6{0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7};
constexpr wire::Mac kMac{2, 0, 0, 0, 0, 7};

static std::vector<uint8_t> Entry(uint16_t state, wire::Bytes address = kAddress, wire::Bytes mac = kMac) {
  ndmsg body{};
  body.ndm_family = address.size() == kAddress6.size() ? AF_INET6 : AF_INET;
  body.ndm_ifindex = 3;
  body.ndm_state = state;
  std::vector<uint8_t> bytes;
  wire::MessageBuilder message(bytes, RTM_NEWNEIGH, 0, 1);
  message.Body(body);
  message.Attribute(NDA_DST, address);
  message.Attribute(NDA_LLADDR, mac);
  return bytes;
}

static bool Decodes(const std::vector<uint8_t>& bytes, wire::NeighbourRecord& out) {
  const auto messages = Messages(bytes);
  return messages.size() == 1 && wire::DecodeNeighbour(messages.front(), out);
}

TEST_CASE("a neighbour whose hardware address is known is one, whatever its age") {
  for (const uint16_t state : {NUD_REACHABLE, NUD_STALE, NUD_DELAY, NUD_PROBE, NUD_PERMANENT}) {
    wire::NeighbourRecord found;
    REQUIRE(Decodes(Entry(state), found));
    CHECK(found.ifindex == 3);
    CHECK(found.family == 4);
    CHECK(found.address == std::array<uint8_t, 16>{10, 1, 1, 7});
    CHECK(found.mac == kMac);
    REQUIRE(Decodes(Entry(state, kAddress6), found));
    CHECK(found.family == 6);
    CHECK(found.address == kAddress6);
  }
}

TEST_CASE("a neighbour that does not answer, or needs no ARP, is none") {
  wire::NeighbourRecord found;
  for (const uint16_t state : {NUD_NONE, NUD_INCOMPLETE, NUD_FAILED, NUD_NOARP}) CHECK_FALSE(Decodes(Entry(state), found));
}

TEST_CASE("a neighbour without an IP and an Ethernet address is none") {
  wire::NeighbourRecord found;
  CHECK_FALSE(Decodes(Entry(NUD_STALE, kAddress, wire::Bytes(kMac).first(4)), found));
  CHECK_FALSE(Decodes(Entry(NUD_STALE, wire::Bytes(kAddress).first(3)), found));
  auto cut = Entry(NUD_STALE);
  cut.resize(sizeof(nlmsghdr) + 4);
  cut[0] = static_cast<uint8_t>(cut.size());
  CHECK_FALSE(Decodes(cut, found));
  auto other = Entry(NUD_STALE);
  other[4] = RTM_DELNEIGH;
  CHECK_FALSE(Decodes(other, found));
}

TEST_CASE("a dump of the neighbours of one link names it in an attribute") {
  std::vector<uint8_t> bytes;
  wire::AppendNeighbourDump(bytes, 0, 4, 3);
  CHECK(ToHex(bytes) == "240000001e0001030000000000000000" "020000000000000000000000" "0800080003000000");
  bytes.clear();
  wire::AppendNeighbourDump(bytes, 0, 6, 0);
  CHECK(ToHex(bytes) == "1c0000001e0001030000000000000000" "0a0000000000000000000000");
}

}  // namespace holdfast
