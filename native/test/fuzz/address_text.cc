/* The addresses of a batch as text: all are taken or none, and what is taken is what the texts say. */
#include "../../wire/address_text.h"

#include <arpa/inet.h>

#include <algorithm>
#include <string>

#include "fuzz.h"

using namespace holdfast;
using fuzz::Require;

static std::string Format(const wire::AddressRecord& record) {
  char text[INET6_ADDRSTRLEN];
  return inet_ntop(record.family == 4 ? AF_INET : AF_INET6, record.address, text, sizeof text);
}

static std::vector<std::string_view> Lines(std::string_view texts) {
  std::vector<std::string_view> lines(1);
  size_t start = 0;
  for (size_t i = 0; i < texts.size(); i++) {
    if (texts[i] == wire::kSeparator) {
      lines.emplace_back();
      start = i + 1;
    } else {
      lines.back() = texts.substr(start, i + 1 - start);
    }
  }
  return lines;
}

static void CheckRecord(const wire::AddressRecord& record, std::string_view text) {
  Require(wire::IsPlumbable(record), "an address with the host's prefix may be asked of the kernel");
  const auto again = wire::ParseAddress(Format(record));
  Require(again && wire::CompareAddress(*again, record) == 0, "its canonical text is the same address");
  if (record.family == 4) Require(Format(record) == text, "an IPv4 address has one text");
  Require(text.find_first_not_of("0123456789abcdefABCDEF:.") == text.npos, "nothing else is in the text of an address");
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view texts(reinterpret_cast<const char*>(data), size);
  const auto lines = Lines(texts);
  const auto records = wire::ParseAddresses(texts, {1, std::nullopt, 0}, lines.size());
  const bool all = std::ranges::all_of(lines, [](std::string_view line) { return wire::ParseAddress(line).has_value(); });
  Require(records.size() == (all ? lines.size() : 0), "all are taken, or none");
  for (size_t i = 0; i < records.size(); i++) CheckRecord(records[i], lines[i]);
  Require(wire::ParseAddresses(texts, {1, std::nullopt, 0}, lines.size() - 1).empty(), "no more are taken than there is room for");
  return 0;
}
