#include "../wire/ndp.h"

#include <doctest/doctest.h>

#include "bytes.h"

namespace holdfast {

namespace {

constexpr wire::Mac kMac{2, 0, 0, 0, 0, 0x0a};
constexpr wire::Mac kOtherMac{2, 0, 0, 0, 0, 0x0b};
constexpr wire::IpAddress kOne{0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};
constexpr wire::IpAddress kTwo{0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2};

/* Linux 6.18 with kMac and net.ipv6.conf.IF.ndisc_notify as kOne comes to it: its probe (RFC 4862, with the nonce of RFC 7527),
 * then what it tells all nodes; kOtherMac with kTwo asks for kOne; the answer. */
constexpr std::string_view kProbe =
    "3333ff000001" "02000000000a" "86dd" "6000000000203aff" "00000000000000000000000000000000"
    "ff0200000000000000000001ff000001" "870027ce00000000" "fd000000000000000000000000000001" "0e01dcab7b48efd9";
constexpr std::string_view kUnsolicited =
    "333300000001" "02000000000a" "86dd" "6000000000203aff" "fd000000000000000000000000000001"
    "ff020000000000000000000000000001" "88005a9220000000" "fd000000000000000000000000000001" "020102000000000a";
constexpr std::string_view kQuestion =
    "3333ff000001" "02000000000b" "86dd" "6000000000203aff" "fd000000000000000000000000000002"
    "ff0200000000000000000001ff000001" "87007d8e00000000" "fd000000000000000000000000000001" "010102000000000b";
constexpr std::string_view kAnswer =
    "02000000000b" "02000000000a" "86dd" "6000000000203aff" "fd000000000000000000000000000001"
    "fd000000000000000000000000000002" "88001c9360000000" "fd000000000000000000000000000001" "020102000000000a";

bool Parses(std::vector<uint8_t> frame) {
  wire::NdpMessage message;
  return wire::ParseNdp(frame, message);
}

/* With other bytes from `at` on, and the checksum as it was. */
std::vector<uint8_t> Changed(std::string_view frame, size_t at, std::initializer_list<uint8_t> bytes) {
  auto changed = FromHex(frame);
  std::copy(bytes.begin(), bytes.end(), changed.begin() + static_cast<ptrdiff_t>(at));
  return changed;
}

/* ... and with one that is right: what was added to the sum is taken from it. */
std::vector<uint8_t> Mended(std::vector<uint8_t> frame, std::string_view original) {
  const auto before = FromHex(original);
  int64_t sum = frame[56] << 8 | frame[57];
  for (size_t i = 22; i < frame.size(); i++)
    if (i != 56 && i != 57) sum -= static_cast<int64_t>(frame[i] - before[i]) << (i % 2 == 0 ? 8 : 0);
  sum = ((sum % 0xffff) + 0xffff) % 0xffff;
  frame[56] = static_cast<uint8_t>(sum >> 8);
  frame[57] = static_cast<uint8_t>(sum);
  return frame;
}

}  // namespace

TEST_CASE("an unsolicited advertisement is, byte for byte, what the kernel sends for an address of its own") {
  CHECK(ToHex(wire::BuildAdvertisement(kMac, kOne)) == kUnsolicited);
}

TEST_CASE("an advertisement to one host differs in the Ethernet address alone") {
  CHECK(ToHex(wire::BuildAdvertisement(kMac, kOne, kOtherMac)) == "02000000000b" + std::string(kUnsolicited.substr(12)));
}

TEST_CASE("a solicitation is read") {
  wire::NdpMessage message;
  REQUIRE(wire::ParseNdp(FromHex(kQuestion), message));
  CHECK(message.type == wire::NdpType::kSolicitation);
  CHECK(message.from == kOtherMac);
  CHECK(message.source == kTwo);
  CHECK(message.target == kOne);
  CHECK(message.link_layer == kOtherMac);
  CHECK_FALSE(message.solicited);
}

TEST_CASE("a question is, byte for byte, what the kernel of who asks sends") {
  CHECK(ToHex(wire::BuildNdpQuestion(kOtherMac, kTwo, kOne)) == kQuestion);
}

TEST_CASE("a probe for a duplicate is read: it comes from nowhere") {
  wire::NdpMessage message;
  REQUIRE(wire::ParseNdp(FromHex(kProbe), message));
  CHECK(message.source == wire::IpAddress{});
  CHECK(message.target == kOne);
  CHECK_FALSE(message.link_layer);
}

TEST_CASE("an advertisement is read, asked for or not") {
  wire::NdpMessage message;
  REQUIRE(wire::ParseNdp(FromHex(kAnswer), message));
  CHECK(message.type == wire::NdpType::kAdvertisement);
  CHECK((message.solicited && message.override_));
  CHECK(message.target == kOne);
  CHECK(message.link_layer == kMac);
  REQUIRE(wire::ParseNdp(FromHex(kUnsolicited), message));
  CHECK((!message.solicited && message.override_));
  CHECK(message.destination == wire::kAllNodes);
}

TEST_CASE("bytes after the packet, with which Ethernet or a driver pads, are none of it") {
  auto frame = FromHex(kQuestion);
  frame.resize(frame.size() + 9, 0xee);
  CHECK(Parses(frame));
}

TEST_CASE("what RFC 4861 sections 7.1.1 and 7.1.2 refuse is refused") {
  const auto refuses = [](std::string_view frame, size_t at, std::initializer_list<uint8_t> bytes) {
    return !Parses(Mended(Changed(frame, at, bytes), frame));
  };
  REQUIRE(Parses(Mended(Changed(kQuestion, 77, {9}), kQuestion))); /* another target: nothing wrong with that */
  CHECK(refuses(kQuestion, 21, {254}));                            /* hop limit */
  CHECK(refuses(kQuestion, 55, {1}));                              /* code */
  CHECK(refuses(kQuestion, 62, {0xff}));                           /* target multicast */
  CHECK(refuses(kQuestion, 79, {0}));                              /* option of no bytes */
  CHECK(refuses(kQuestion, 79, {2}));                              /* option beyond the end */
  CHECK(refuses(kProbe, 38, {0xfd}));                              /* from nowhere, to one host */
  CHECK(refuses(kProbe, 78, {1}));                                 /* from nowhere, with a link-layer address */
  CHECK(refuses(kUnsolicited, 58, {0x60}));                        /* solicited, to all nodes */
  CHECK(refuses(kUnsolicited, 54, {134}));                         /* a router's */
  CHECK_FALSE(Parses(Changed(kQuestion, 56, {0, 0})));             /* checksum */
}

TEST_CASE("a frame cut short anywhere is refused") {
  const auto frame = FromHex(kAnswer);
  for (size_t size = 0; size < frame.size(); size++) CHECK_FALSE(Parses({frame.begin(), frame.begin() + static_cast<ptrdiff_t>(size)}));
}

}  // namespace holdfast
