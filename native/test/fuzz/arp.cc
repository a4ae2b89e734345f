/* An announcement read back by the C library's own layout: 6 bytes of MAC, 4 of address. */
#include "../../wire/arp.h"

#include <arpa/inet.h>
#include <netinet/if_ether.h>

#include <algorithm>

#include "fuzz.h"

using namespace holdfast;
using fuzz::Require;

static void Check(wire::ArpForm form, const wire::Mac& mac, const wire::Ipv4& address) {
  const wire::ArpFrame frame = wire::BuildAnnouncement(form, mac, address);
  ether_header ethernet;
  ether_arp arp;
  std::memcpy(&ethernet, frame.data(), sizeof ethernet);
  std::memcpy(&arp, frame.data() + sizeof ethernet, sizeof arp);

  const auto is_broadcast = [](uint8_t byte) { return byte == 0xff; };
  Require(std::ranges::all_of(ethernet.ether_dhost, is_broadcast), "all hosts get it");
  Require(std::ranges::equal(ethernet.ether_shost, mac) && std::ranges::equal(arp.arp_sha, mac), "it is from this device");
  Require(ntohs(ethernet.ether_type) == ETHERTYPE_ARP, "it is ARP");
  Require(ntohs(arp.arp_hrd) == ARPHRD_ETHER && arp.arp_hln == 6, "for Ethernet");
  Require(ntohs(arp.arp_pro) == ETHERTYPE_IP && arp.arp_pln == 4, "and IPv4");
  Require(ntohs(arp.arp_op) == (form == wire::ArpForm::kRequest ? ARPOP_REQUEST : ARPOP_REPLY), "in the form asked for");
  Require(std::ranges::equal(arp.arp_spa, address) && std::ranges::equal(arp.arp_tpa, address), "about this address");
  Require(std::ranges::equal(arp.arp_tha, form == wire::ArpForm::kReply ? mac : wire::Mac{}), "to the sender, or nobody");
  const auto padding = std::span(frame).subspan(sizeof ethernet + sizeof arp);
  Require(std::ranges::all_of(padding, [](uint8_t byte) { return byte == 0; }), "it leaks nothing in its padding");
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  wire::Mac mac;
  wire::Ipv4 address;
  if (size < mac.size() + address.size()) return 0;
  std::copy_n(data, mac.size(), mac.begin());
  std::copy_n(data + mac.size(), address.size(), address.begin());
  Check(wire::ArpForm::kRequest, mac, address);
  Check(wire::ArpForm::kReply, mac, address);
  return 0;
}
