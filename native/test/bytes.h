#pragma once
#include <charconv>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "../wire/netlink.h"

namespace holdfast {

inline std::vector<uint8_t> FromHex(std::string_view hex) {
  std::vector<uint8_t> bytes(hex.size() / 2);
  for (size_t i = 0; i < bytes.size(); i++) std::from_chars(hex.data() + 2 * i, hex.data() + 2 * i + 2, bytes[i], 16);
  return bytes;
}

inline std::string ToHex(wire::Bytes bytes) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string hex;
  for (const uint8_t byte : bytes) hex += {kDigits[byte >> 4], kDigits[byte & 15]};
  return hex;
}

inline std::vector<wire::Message> Messages(wire::Bytes bytes) {
  std::vector<wire::Message> messages;
  wire::MessageReader reader(bytes);
  for (wire::Message message; reader.Next(message);) messages.push_back(message);
  return messages;
}

}  // namespace holdfast
