#include "netlink.h"

namespace holdfast::wire {

namespace {

constexpr uint8_t kPadding[NLMSG_ALIGNTO] = {};

constexpr size_t Aligned(size_t size) { return (size + NLMSG_ALIGNTO - 1) & ~size_t{NLMSG_ALIGNTO - 1}; }

}  // namespace

Bytes AfterAligned(Bytes bytes, size_t size) {
  return size > bytes.size() || Aligned(size) > bytes.size() ? Bytes{} : bytes.subspan(Aligned(size));
}

MessageBuilder::MessageBuilder(std::vector<uint8_t>& out, uint16_t type, uint16_t flags, uint32_t seq)
    : out_(out), start_(out.size()) {
  nlmsghdr header{};
  header.nlmsg_type = type;
  header.nlmsg_flags = flags;
  header.nlmsg_seq = seq;
  Append({reinterpret_cast<const uint8_t*>(&header), sizeof header});
}

void MessageBuilder::Attribute(uint16_t type, Bytes value) {
  const nlattr header{static_cast<uint16_t>(NLA_HDRLEN + value.size()), type};
  Append({reinterpret_cast<const uint8_t*>(&header), sizeof header});
  Append(value);
}

void MessageBuilder::Append(Bytes bytes) {
  out_.insert(out_.end(), bytes.begin(), bytes.end());
  out_.insert(out_.end(), kPadding, kPadding + (Aligned(bytes.size()) - bytes.size()));
  const uint32_t length = static_cast<uint32_t>(out_.size() - start_);
  std::memcpy(out_.data() + start_ + offsetof(nlmsghdr, nlmsg_len), &length, sizeof length);
}

bool MessageReader::Next(Message& out) {
  nlmsghdr header;
  if (!ReadFront(rest_, header) || header.nlmsg_len < sizeof header || header.nlmsg_len > rest_.size()) return false;
  out = {header.nlmsg_type, header.nlmsg_flags, header.nlmsg_seq,
         rest_.subspan(sizeof header, header.nlmsg_len - sizeof header)};
  rest_ = AfterAligned(rest_, header.nlmsg_len);
  return true;
}

bool AttributeReader::Next(Attribute& out) {
  nlattr header;
  if (!ReadFront(rest_, header) || header.nla_len < sizeof header || header.nla_len > rest_.size()) return false;
  out = {static_cast<uint16_t>(header.nla_type & NLA_TYPE_MASK),
         rest_.subspan(sizeof header, header.nla_len - sizeof header)};
  rest_ = AfterAligned(rest_, header.nla_len);
  return true;
}

std::string_view ReadString(Bytes value) {
  const auto* chars = reinterpret_cast<const char*>(value.data());
  return {chars, value.empty() ? 0 : strnlen(chars, value.size())};
}

bool ParseAck(const Message& message, Ack& out) {
  nlmsgerr answer;
  if (message.type != NLMSG_ERROR || !ReadFront(message.payload, answer)) return false;
  out = {answer.error, {}};
  if ((message.flags & NLM_F_ACK_TLVS) == 0) return true;

  /* Without NLM_F_CAPPED the whole request is echoed before the attributes (netlink_ack() in af_netlink.c). */
  size_t before = sizeof answer;
  if ((message.flags & NLM_F_CAPPED) == 0) before = sizeof answer.error + size_t{answer.msg.nlmsg_len};
  AttributeReader attributes(AfterAligned(message.payload, before));
  for (Attribute attribute; attributes.Next(attribute);)
    if (attribute.type == NLMSGERR_ATTR_MSG) out.text = ReadString(attribute.value);
  return true;
}

}  // namespace holdfast::wire
