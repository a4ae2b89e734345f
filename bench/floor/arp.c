/* What the kernel itself takes: gratuitous ARP requests and replies for consecutive addresses from 10.1.0.1 on, through
 * one AF_PACKET socket, 64 frames a sendmmsg.
 *
 *     arp ADDRESSES IFINDEX      prints milliseconds */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <netinet/if_ether.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

enum { kBatch = 64 };

struct frame {
  struct ether_header ethernet;
  struct ether_arp arp;
};

static void write_frame(struct frame *frame, unsigned address, int operation) {
  static const unsigned char mac[6] = {2, 0, 0, 0, 0, 1};
  const unsigned wire = htonl(address);
  memset(frame, 0, sizeof *frame);
  memset(frame->ethernet.ether_dhost, 0xff, 6);
  memcpy(frame->ethernet.ether_shost, mac, 6);
  frame->ethernet.ether_type = htons(ETHERTYPE_ARP);
  frame->arp.ea_hdr = (struct arphdr){htons(ARPHRD_ETHER), htons(ETHERTYPE_IP), 6, 4, htons(operation)};
  memcpy(frame->arp.arp_sha, mac, 6);
  memcpy(frame->arp.arp_spa, &wire, 4);
  memcpy(frame->arp.arp_tpa, &wire, 4);
}

int main(int argc, char **argv) {
  if (argc != 3) return 64;
  const unsigned frames = 2 * atoi(argv[1]);
  const struct sockaddr_ll to = {.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ARP), .sll_ifindex = atoi(argv[2])};
  const int fd = socket(AF_PACKET, SOCK_RAW, 0);
  if (fd < 0 || bind(fd, (const struct sockaddr *)&to, sizeof to) != 0) { perror("AF_PACKET"); return 1; }

  struct timespec start, end;
  clock_gettime(CLOCK_MONOTONIC, &start);
  for (unsigned done = 0; done < frames;) {
    static struct frame frame[kBatch];
    struct iovec parts[kBatch];
    struct mmsghdr messages[kBatch] = {0};
    unsigned filled = 0;
    for (; filled < kBatch && done + filled < frames; filled++) {
      const unsigned number = done + filled;
      write_frame(&frame[filled], 0x0a010001u + number / 2, number % 2 == 0 ? ARPOP_REQUEST : ARPOP_REPLY);
      parts[filled] = (struct iovec){&frame[filled], sizeof frame[filled]};
      messages[filled].msg_hdr = (struct msghdr){.msg_iov = &parts[filled], .msg_iovlen = 1};
    }
    const int sent = sendmmsg(fd, messages, filled, 0);
    if (sent < 0) { perror("sendmmsg"); return 1; }
    done += sent;
  }
  clock_gettime(CLOCK_MONOTONIC, &end);
  printf("%.3f\n", (end.tv_sec - start.tv_sec) * 1e3 + (end.tv_nsec - start.tv_nsec) / 1e6);
}
