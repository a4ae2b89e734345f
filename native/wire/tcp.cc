#include "tcp.h"

#include <netinet/in.h>

#include <algorithm>

#include "checksum.h"

namespace holdfast::wire {

namespace {

constexpr size_t kTcpBytes = 20;
constexpr uint8_t kHops = 64;
constexpr uint16_t kDontFragment = 0x4000;
constexpr uint8_t kFlagAck = 0x10;
constexpr uint16_t kWindow = 1024; /* of no meaning: nobody is here to receive */

/* Writes numbers in network order, one after the other. */
class Writer {
 public:
  explicit Writer(uint8_t* at) : at_(at) {}
  void U8(uint8_t value) { *at_++ = value; }
  void U16(uint16_t value) { U8(static_cast<uint8_t>(value >> 8)), U8(static_cast<uint8_t>(value)); }
  void U32(uint32_t value) { U16(static_cast<uint16_t>(value >> 16)), U16(static_cast<uint16_t>(value)); }
  void Copy(Bytes bytes) { at_ = std::ranges::copy(bytes, at_).out; }

 private:
  uint8_t* at_;
};

void Put(uint8_t* at, uint16_t value) { Writer(at).U16(value); }

/* RFC 791 section 3.1, but for the checksum. */
void WriteIpv4(Writer& out, Bytes from, Bytes to) {
  out.U16(0x4500);
  out.U16(20 + kTcpBytes);
  out.U16(0);
  out.U16(kDontFragment);
  out.U8(kHops);
  out.U8(IPPROTO_TCP);
  out.U16(0);
  out.Copy(from);
  out.Copy(to);
}

/* RFC 8200 section 3. */
void WriteIpv6(Writer& out, Bytes from, Bytes to) {
  out.U32(0x60000000);
  out.U16(kTcpBytes);
  out.U8(IPPROTO_TCP);
  out.U8(kHops);
  out.Copy(from);
  out.Copy(to);
}

}  // namespace

bool IsConnection(const ConnectionRecord& connection) {
  return IsIpv4(connection.local) == IsIpv4(connection.remote) && connection.local_port != 0 &&
         connection.remote_port != 0;
}

Segment BuildTickle(const ConnectionRecord& connection, uint32_t seq) {
  const bool ipv4 = IsIpv4(connection.local);
  const Bytes from = Bytes(connection.local).subspan(ipv4 ? 12 : 0);
  const Bytes to = Bytes(connection.remote).subspan(ipv4 ? 12 : 0);
  Segment segment;
  segment.size = (ipv4 ? 20 : 40) + kTcpBytes;
  uint8_t* const tcp = segment.bytes.data() + segment.size - kTcpBytes;

  Writer out(segment.bytes.data());
  if (ipv4) WriteIpv4(out, from, to);
  else WriteIpv6(out, from, to);
  out.U16(connection.local_port);
  out.U16(connection.remote_port);
  out.U32(seq);
  out.U32(0);
  out.U8(kTcpBytes / 4 << 4);
  out.U8(kFlagAck);
  out.U16(kWindow);

  if (ipv4) Put(segment.bytes.data() + 10, Checksum(AddUp(Bytes(segment.bytes).first(20))));
  /* RFC 9293 section 3.1: with the addresses, the protocol and the length in front of it. */
  const uint32_t pseudo = AddUp(from, AddUp(to, IPPROTO_TCP + kTcpBytes));
  Put(tcp + 16, Checksum(AddUp({tcp, kTcpBytes}, pseudo)));
  return segment;
}

}  // namespace holdfast::wire
