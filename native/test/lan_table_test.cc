#include "../wire/lan_table.h"

#include <doctest/doctest.h>

#include "bytes.h"

namespace holdfast {

namespace {

constexpr wire::Mac kMac{2, 0, 0, 0, 0, 0x0a};
constexpr wire::Mac kOther{2, 0, 0, 0, 0, 0x0b};
constexpr wire::Ipv4 kVip4{10, 1, 1, 1};
constexpr wire::Ipv4 kHost4{10, 1, 1, 2};
constexpr wire::IpAddress kVip = wire::Mapped(kVip4);
constexpr wire::IpAddress kVip6{0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};
constexpr wire::IpAddress kBoth[] = {kVip, kVip6};
constexpr wire::LanTable::Moment kStart{1'000'000, 7};
constexpr wire::LanTable::Moment kLater{kStart.ms + 5000, kStart.drains + 3};

wire::LanTable Owning(bool on_link) {
  wire::LanTable table(kMac);
  table.Own(kBoth, on_link, kStart);
  return table;
}

/* Who has kVip4? As a host asks: with its own address, or a probe without one. */
wire::ArpFrame Request(const wire::Ipv4& sender) {
  wire::ArpFrame frame = wire::BuildArpProbe(kOther, kVip4);
  std::copy(sender.begin(), sender.end(), frame.begin() + 28);
  return frame;
}

bool IsAnswered(wire::LanTable& table, wire::Bytes frame, int arp_ignore = 0) {
  return table.Hear(frame, kLater, arp_ignore).index() != 0;
}

std::vector<uint8_t> Kinds(wire::LanTable& table) {
  std::vector<uint8_t> kinds;
  for (const wire::Sighting& sighting : table.Take(100)) kinds.push_back(sighting.kind);
  return kinds;
}

using Kinds_ = std::vector<uint8_t>;

}  // namespace

TEST_CASE("solicitations are answered for what stands elsewhere, and left to the kernel for what stands on the interface") {
  const auto question = wire::BuildNdpProbe(kOther, kVip6);
  auto elsewhere = Owning(false);
  const wire::Answer answer = elsewhere.Hear(question, kLater, 0);
  REQUIRE(std::holds_alternative<wire::AdvertisementFrame>(answer));
  CHECK(std::get<wire::AdvertisementFrame>(answer) == wire::BuildAdvertisement(kMac, kVip6)); /* a probe: to all nodes */
  auto here = Owning(true);
  CHECK_FALSE(IsAnswered(here, question));
}

TEST_CASE("ARP is answered where arp_ignore keeps the kernel from it") {
  for (const bool on_link : {false, true}) {
    auto table = Owning(on_link);
    CHECK_FALSE(IsAnswered(table, Request(kHost4), 0));
    CHECK(IsAnswered(table, Request(kHost4), 1) == !on_link);
    CHECK(IsAnswered(table, Request(kHost4), 2));
    CHECK(IsAnswered(table, Request(kHost4), 8));
  }
}

TEST_CASE("an ARP answer goes to who asked") {
  auto table = Owning(false);
  const wire::Answer answer = table.Hear(Request(kHost4), kLater, 1);
  REQUIRE(std::holds_alternative<wire::ArpFrame>(answer));
  CHECK(ToHex(std::get<wire::ArpFrame>(answer)).substr(0, 84) ==
        "02000000000b" "02000000000a" "0806" "0001" "0800" "06" "04" "0002" "02000000000a" "0a010101" "02000000000b" "0a010102");
}

TEST_CASE("what is not ours, or not any more, is not answered and not looked at") {
  auto table = Owning(false);
  table.Disown(kBoth);
  CHECK_FALSE(IsAnswered(table, Request(kHost4), 1));
  CHECK_FALSE(IsAnswered(table, wire::BuildNdpProbe(kOther, kVip6)));
  table.Hear(wire::BuildAdvertisement(kOther, kVip6), kLater, 0);
  CHECK(table.Take(1).empty());
}

TEST_CASE("a rival is whoever has an address of ours with another hardware address, announced or in passing") {
  auto table = Owning(true);
  table.Hear(wire::BuildAnnouncement(wire::ArpForm::kRequest, kOther, kVip4), kLater, 0);
  table.Hear(wire::BuildAnnouncement(wire::ArpForm::kReply, kOther, kVip4), kLater, 0);
  table.Hear(wire::BuildArpAnswer(kOther, {wire::ArpForm::kRequest, kMac, kHost4, kVip4}), kLater, 0);
  table.Hear(wire::BuildAdvertisement(kOther, kVip6), kLater, 0);
  const auto seen = table.Take(100);
  REQUIRE(seen.size() == 2);
  for (const auto& sighting : seen) {
    CHECK(sighting.kind == wire::Sighting::kRival);
    CHECK(sighting.mac == kOther);
  }
  CHECK(seen[0].count + seen[1].count == 4);
  CHECK(table.Take(100).empty());
}

TEST_CASE("who only asks is no rival, and one who asks whether the address is free is told of") {
  auto table = Owning(true);
  table.Hear(Request(kHost4), kLater, 0);
  CHECK(Kinds(table) == Kinds_{});
  table.Hear(Request({}), kLater, 0);
  table.Hear(wire::BuildNdpProbe(kOther, kVip6), kLater, 0);
  CHECK(Kinds(table) == Kinds_{wire::Sighting::kProber, wire::Sighting::kProber});
}

TEST_CASE("frames of this interface that come back are nobody's") {
  auto table = Owning(false);
  CHECK_FALSE(IsAnswered(table, wire::BuildArpProbe(kMac, kVip4), 1));
  CHECK_FALSE(IsAnswered(table, wire::BuildNdpProbe(kMac, kVip6)));
  table.Hear(wire::BuildAnnouncement(wire::ArpForm::kRequest, kMac, kVip4), kLater, 0);
  table.Hear(wire::BuildAdvertisement(kMac, kVip6), kLater, 0);
  CHECK(table.Take(1).empty());
}

TEST_CASE("a former owner's last frames are no rival's: what comes within a second, or had arrived before") {
  auto table = Owning(true);
  const auto rival = wire::BuildAnnouncement(wire::ArpForm::kRequest, kOther, kVip4);
  table.Hear(rival, {kStart.ms + 999, kStart.drains + 3}, 0);
  CHECK(Kinds(table) == Kinds_{});
  /* This process was stopped for a long while, and now reads what had queued up. */
  table.Hear(rival, {kStart.ms + 60'000, kStart.drains}, 0);
  CHECK(Kinds(table) == Kinds_{});
  table.Hear(rival, {kStart.ms + 1000, kStart.drains + 1}, 0);
  CHECK(Kinds(table) == Kinds_{wire::Sighting::kRival});
}

TEST_CASE("of all who ask at once whether an address is free, the lowest hardware address is told") {
  constexpr wire::Mac kHigher{2, 0, 0, 0, 0, 0x0c};
  wire::LanTable table(kMac);
  table.Seek(kBoth);
  for (const wire::Mac& mac : {kHigher, kOther, kHigher}) {
    table.Hear(wire::BuildArpProbe(mac, kVip4), kLater, 0);
    table.Hear(wire::BuildNdpProbe(mac, kVip6), kLater, 0);
  }
  table.Hear(wire::BuildArpProbe(kOther, kHost4), kLater, 0); /* nobody here seeks it */
  table.Hear(wire::BuildArpProbe(kMac, kVip4), kLater, 0);    /* ours */
  const auto sightings = table.Take(100);
  REQUIRE(sightings.size() == 2);
  for (const wire::Sighting& sighting : sightings) {
    CHECK(sighting.kind == wire::Sighting::kProber);
    CHECK(sighting.mac == kOther);
    CHECK(sighting.count == 3);
  }
}

TEST_CASE("an address that is sought is found with whoever says that he has it, ours or not") {
  wire::LanTable table(kMac);
  table.Seek(kBoth);
  table.Hear(Request({}), kLater, 0); /* another who seeks it has not got it */
  CHECK(Kinds(table) == Kinds_{wire::Sighting::kProber});
  table.Hear(wire::BuildArpAnswer(kOther, {wire::ArpForm::kRequest, kMac, {}, kVip4}), kLater, 0);
  table.Hear(wire::BuildAdvertisement(kOther, kVip6), kLater, 0);
  CHECK(Kinds(table) == Kinds_{wire::Sighting::kAnswerer, wire::Sighting::kAnswerer});
  table.Forsake(kBoth);
  table.Hear(wire::BuildAdvertisement(kOther, kVip6), kLater, 0);
  CHECK(Kinds(table) == Kinds_{});
}

TEST_CASE("an IPv6 packet is never about an IPv4 address") {
  auto table = Owning(false);
  CHECK_FALSE(IsAnswered(table, wire::BuildNdpProbe(kOther, kVip)));
  table.Hear(wire::BuildAdvertisement(kOther, kVip), kLater, 0);
  CHECK(table.Take(1).empty());
}

TEST_CASE("sightings are taken in parts, each once") {
  auto table = Owning(true);
  table.Hear(wire::BuildAnnouncement(wire::ArpForm::kRequest, kOther, kVip4), kLater, 0);
  table.Hear(wire::BuildAdvertisement(kOther, kVip6), kLater, 0);
  CHECK(table.Take(1).size() == 1);
  CHECK(table.HasSightings());
  CHECK(table.Take(1).size() == 1);
  CHECK_FALSE(table.HasSightings());
}

TEST_CASE("a flood of hardware addresses takes no more memory than there are addresses, and hides nobody") {
  auto table = Owning(true);
  const auto flood = [&] {
    for (uint32_t i = 0; i < 1000; i++) {
      const wire::Mac mac{2, 1, 0, 0, static_cast<uint8_t>(i >> 8), static_cast<uint8_t>(i)};
      table.Hear(wire::BuildAnnouncement(wire::ArpForm::kReply, mac, kVip4), kLater, 0);
    }
  };
  table.Hear(wire::BuildNdpProbe(kOther, kVip6), kLater, 0);
  flood();
  const auto first = table.Take(1);
  REQUIRE(first.size() == 1);
  CHECK(first[0].count == 1000);
  flood();
  CHECK(Kinds(table) == Kinds_{wire::Sighting::kProber, wire::Sighting::kRival});
}

}  // namespace holdfast
