/* What a LAN port does about frames. The input: which of the addresses that frames are about are ours, how, and arp_ignore; then
 * frames, each behind its length in two bytes. */
#include "../../wire/lan_table.h"

#include <algorithm>
#include <variant>

#include "fuzz.h"

using namespace holdfast;
using fuzz::Require;

namespace {

constexpr wire::Mac kMac{2, 0, 0, 0, 0, 0x0a};
constexpr wire::IpAddress kOurs[] = {wire::Mapped({10, 1, 1, 1}), {0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}};

bool IsOurs(const wire::IpAddress& address) { return std::ranges::find(kOurs, address) != std::end(kOurs); }

void CheckAnswer(const wire::Answer& answer, wire::Bytes frame) {
  if (const auto* reply = std::get_if<wire::ArpFrame>(&answer)) {
    wire::ArpMessage asked, said;
    Require(wire::ParseArp(frame, asked) && asked.form == wire::ArpForm::kRequest, "who answers ARP was asked by ARP");
    Require(wire::ParseArp(*reply, said) && said.form == wire::ArpForm::kReply, "the answer is a reply");
    Require(said.sender == asked.target && said.sender_mac == kMac, "that says where what was asked for is");
    Require(IsOurs(wire::Mapped(said.sender)) && said.target == asked.sender, "it is ours, and who asked is told");
  }
  if (const auto* advertisement = std::get_if<wire::AdvertisementFrame>(&answer)) {
    wire::NdpMessage asked, said;
    Require(wire::ParseNdp(frame, asked) && asked.type == wire::NdpType::kSolicitation, "a solicitation is answered");
    Require(wire::ParseNdp(*advertisement, said) && said.type == wire::NdpType::kAdvertisement, "by an advertisement");
    Require(said.target == asked.target && IsOurs(said.target) && said.link_layer == kMac, "of an address of ours");
    const bool probe = asked.source == wire::IpAddress{};
    Require(said.solicited == !probe && said.destination == (probe ? wire::kAllNodes : asked.source), "to who asked");
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2) return 0;
  wire::LanTable table(kMac);
  const bool on_link = (data[0] & 1) != 0;
  table.Own(kOurs, on_link, {0, 0});
  if ((data[0] & 2) != 0) table.Seek(kOurs);
  const int arp_ignore = data[1] % 9;

  uint64_t frames = 0;
  for (wire::Bytes rest(data + 2, size - 2); rest.size() >= 2; frames++) {
    const size_t length = std::min<size_t>(rest[0] << 8 | rest[1], rest.size() - 2);
    const std::vector<uint8_t> frame(rest.begin() + 2, rest.begin() + 2 + static_cast<ptrdiff_t>(length));
    rest = rest.subspan(2 + length);
    const wire::Answer answer = table.Hear(frame, {5000, 5}, arp_ignore);
    CheckAnswer(answer, frame);
    if (on_link) Require(!std::holds_alternative<wire::AdvertisementFrame>(answer), "the kernel answers for its own");
    if (arp_ignore == 0) Require(!std::holds_alternative<wire::ArpFrame>(answer), "the kernel answers ARP");
  }
  uint64_t seen = 0;
  for (const wire::Sighting& sighting : table.Take(SIZE_MAX)) {
    Require(IsOurs(sighting.address) && sighting.mac != kMac && wire::IsHost(sighting.mac), "another host, about ours");
    seen += sighting.count;
  }
  Require(seen <= 3 * frames, "no frame is seen more often than it says something");
  Require(table.owned() == std::size(kOurs) && !table.HasSightings(), "frames change nothing about what is ours");
  return 0;
}
