/* Connections as they come from TypeScript, each preceded by a sequence number; the packets are read back by the C library's
 * own layouts. */
#include <arpa/inet.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/tcp.h>

#include <algorithm>

#include "../../wire/tcp.h"
#include "fuzz.h"

using namespace holdfast;
using fuzz::Require;

/* Plainer than the one it checks: a carry is added back as soon as it arises. */
static uint16_t Residue(wire::Bytes addresses, wire::Bytes segment) {
  uint32_t sum = IPPROTO_TCP + static_cast<uint32_t>(segment.size());
  for (const wire::Bytes bytes : {addresses, segment}) {
    for (size_t i = 0; i < bytes.size(); i += 2) {
      sum += static_cast<uint32_t>(bytes[i] << 8 | bytes[i + 1]);
      sum = (sum & 0xffff) + (sum >> 16);
    }
  }
  return static_cast<uint16_t>(sum);
}

template <typename Header>
static Header At(const wire::Segment& segment, size_t at) {
  Header header;
  std::memcpy(&header, segment.bytes.data() + at, sizeof header);
  return header;
}

static void CheckAddresses(const wire::ConnectionRecord& connection, const wire::Segment& segment, size_t at, size_t size) {
  const wire::Bytes bytes(segment.bytes);
  Require(std::ranges::equal(bytes.subspan(at, size), wire::Bytes(connection.local).last(size)), "it is from the local end");
  Require(std::ranges::equal(bytes.subspan(at + size, size), wire::Bytes(connection.remote).last(size)), "to the remote one");
  const wire::Bytes tcp = bytes.first(segment.size).last(sizeof(tcphdr));
  Require(Residue(bytes.subspan(at, 2 * size), tcp) == 0xffff, "its checksum is right");
}

static void Check(const wire::ConnectionRecord& connection, uint32_t seq) {
  const wire::Segment segment = wire::BuildTickle(connection, seq);
  const bool ipv4 = wire::IsIpv4(connection.local);
  const size_t header = ipv4 ? sizeof(ip) : sizeof(ip6_hdr);
  Require(segment.size == header + sizeof(tcphdr), "it has no options and no data");
  if (ipv4) {
    const auto packet = At<ip>(segment, 0);
    Require(packet.ip_v == 4 && packet.ip_hl == 5 && ntohs(packet.ip_len) == segment.size && packet.ip_p == IPPROTO_TCP,
            "it is TCP over IPv4");
  } else {
    const auto packet = At<ip6_hdr>(segment, 0);
    Require(packet.ip6_vfc == 0x60 && ntohs(packet.ip6_plen) == sizeof(tcphdr) && packet.ip6_nxt == IPPROTO_TCP,
            "it is TCP over IPv6");
  }
  CheckAddresses(connection, segment, ipv4 ? 12 : 8, ipv4 ? 4 : 16);
  const auto tcp = At<tcphdr>(segment, header);
  Require(ntohs(tcp.th_sport) == connection.local_port && ntohs(tcp.th_dport) == connection.remote_port, "port to port");
  Require(ntohl(tcp.th_seq) == seq && tcp.th_flags == TH_ACK && tcp.th_off == 5, "it is an ACK with that number");
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  struct {
    uint32_t seq;
    wire::ConnectionRecord connection;
  } one;
  for (size_t at = 0; at + sizeof one <= size; at += sizeof one) {
    std::memcpy(&one, data + at, sizeof one);
    if (wire::IsConnection(one.connection)) Check(one.connection, one.seq);
  }
  return 0;
}
