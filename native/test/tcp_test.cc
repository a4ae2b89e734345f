#include "../wire/tcp.h"

#include <doctest/doctest.h>
#include <netinet/in.h>

#include "../wire/checksum.h"
#include "bytes.h"
#include "recorded.h"

namespace holdfast {

/* The sum of everything that a checksum of TCP is over, its own field too: 0 where that is right (RFC 1071 section 1). */
static uint16_t TcpResidue(wire::Bytes addresses, wire::Bytes segment) {
  std::vector<uint8_t> all(addresses.begin(), addresses.end());
  all.insert(all.end(), {0, IPPROTO_TCP, static_cast<uint8_t>(segment.size() >> 8), static_cast<uint8_t>(segment.size())});
  all.insert(all.end(), segment.begin(), segment.end());
  return wire::Checksum(wire::AddUp(all));
}

static std::string Sent(const wire::ConnectionRecord& connection, uint32_t seq) {
  const wire::Segment segment = wire::BuildTickle(connection, seq);
  return ToHex(wire::Bytes(segment.bytes).first(segment.size));
}

constexpr wire::ConnectionRecord kIpv4{{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 10, 2, 0, 1},
                                       {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 10, 2, 0, 2}, 25, 40000};
constexpr wire::ConnectionRecord kIpv6{{0xfd, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1},
                                       {0xfd, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2}, 25, 40000};

TEST_CASE("the checksums of packets that the kernel sent come out right") {
  const auto ipv4 = FromHex(recorded::kSyn4);
  const auto ipv6 = FromHex(recorded::kSyn6);
  CHECK(wire::Checksum(wire::AddUp(wire::Bytes(ipv4).first(20))) == 0);
  CHECK(TcpResidue(wire::Bytes(ipv4).subspan(12, 8), wire::Bytes(ipv4).subspan(20)) == 0);
  CHECK(TcpResidue(wire::Bytes(ipv6).subspan(8, 32), wire::Bytes(ipv6).subspan(40)) == 0);
}

TEST_CASE("an odd number of bytes is summed as if a zero followed") {
  const uint8_t odd[] = {0x12, 0x34, 0x56};
  CHECK(wire::Checksum(wire::AddUp(odd)) == static_cast<uint16_t>(~(0x1234 + 0x5600)));
}

TEST_CASE("a tickle over IPv4 is a bare ACK from the local end to the remote one") {
  const wire::Segment segment = wire::BuildTickle(kIpv4, 0x80000000);
  CHECK(Sent(kIpv4, 0x80000000) ==
        "45000028000040004006" "26ca" "0a0200010a020002"
        "00199c40800000000000000050100400" "7b74" "0000");
  CHECK(wire::Checksum(wire::AddUp(wire::Bytes(segment.bytes).first(20))) == 0);
  CHECK(TcpResidue(wire::Bytes(segment.bytes).subspan(12, 8), wire::Bytes(segment.bytes).subspan(20, 20)) == 0);
}

TEST_CASE("a tickle over IPv6 is a bare ACK from the local end to the remote one") {
  const wire::Segment segment = wire::BuildTickle(kIpv6, 0);
  CHECK(Sent(kIpv6, 0) ==
        "6000000000140640" "fd020000000000000000000000000001" "fd020000000000000000000000000002"
        "00199c40000000000000000050100400" "1573" "0000");
  CHECK(TcpResidue(wire::Bytes(segment.bytes).subspan(8, 32), wire::Bytes(segment.bytes).subspan(40)) == 0);
}

TEST_CASE("a connection has two ends of one family, and ports") {
  CHECK(wire::IsConnection(kIpv4));
  CHECK(wire::IsConnection(kIpv6));
  for (auto bad : {wire::ConnectionRecord{kIpv4.local, kIpv6.remote, 25, 40000}, {kIpv4.local, kIpv4.remote, 0, 40000},
                   {kIpv4.local, kIpv4.remote, 25, 0}})
    CHECK_FALSE(wire::IsConnection(bad));
}

}  // namespace holdfast
