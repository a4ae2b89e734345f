#pragma once
/* Netlink framing: messages and attributes, written into and read out of bytes. Reads never trust a length they have
 * not compared with what is there; what does not fit ends the walk. Layout: linux/netlink.h, RFC 3549 section 2.3. */
#include <linux/netlink.h>

#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>
#include <type_traits>
#include <vector>

namespace holdfast::wire {

using Bytes = std::span<const uint8_t>;

/* Copies a T from the front of `bytes`; false when they are too few. */
template <typename T>
bool ReadFront(Bytes bytes, T& out) {
  static_assert(std::is_trivially_copyable_v<T>);
  if (bytes.size() < sizeof(T)) return false;
  std::memcpy(&out, bytes.data(), sizeof(T));
  return true;
}

/* What follows the first `size` bytes, rounded up to netlink's 4; empty when there is nothing. */
Bytes AfterAligned(Bytes bytes, size_t size);

/* Appends one message to `out`, which may hold others before it. The length is right after every call. */
class MessageBuilder {
 public:
  MessageBuilder(std::vector<uint8_t>& out, uint16_t type, uint16_t flags, uint32_t seq);

  template <typename T>
  void Body(const T& body) {
    static_assert(std::is_trivially_copyable_v<T>);
    Append({reinterpret_cast<const uint8_t*>(&body), sizeof(T)});
  }
  void Attribute(uint16_t type, Bytes value);
  template <typename T>
  void Attribute(uint16_t type, const T& value) {
    static_assert(std::has_unique_object_representations_v<T>); /* and not, say, a vector */
    Attribute(type, Bytes{reinterpret_cast<const uint8_t*>(&value), sizeof(T)});
  }

 private:
  void Append(Bytes bytes); /* padded to 4 */

  std::vector<uint8_t>& out_;
  const size_t start_;
};

struct Message {
  uint16_t type;
  uint16_t flags;
  uint32_t seq;
  Bytes payload;
};

class MessageReader {
 public:
  explicit MessageReader(Bytes bytes) : rest_(bytes) {}
  /* False at the end, or at a header that claims more than there is. */
  bool Next(Message& out);

 private:
  Bytes rest_;
};

struct Attribute {
  uint16_t type; /* without NLA_F_NESTED and NLA_F_NET_BYTEORDER */
  Bytes value;
};

class AttributeReader {
 public:
  explicit AttributeReader(Bytes bytes) : rest_(bytes) {}
  bool Next(Attribute& out);

 private:
  Bytes rest_;
};

/* A string attribute up to its NUL, or all of it where there is none. Views the bytes of `value`. */
std::string_view ReadString(Bytes value);

/* The answer to a request: NLMSG_ERROR with 0 or -errno, and with NETLINK_EXT_ACK the kernel's own words. */
struct Ack {
  int32_t error;
  std::string_view text; /* NLMSGERR_ATTR_MSG, empty when the kernel said nothing; views the message */
};

/* Reads an NLMSG_ERROR message; false when it is none, or too short. */
bool ParseAck(const Message& message, Ack& out);

}  // namespace holdfast::wire
