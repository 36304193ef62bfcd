#include "sampler/process_events.h"

#include <arpa/inet.h>
#include <linux/cn_proc.h>
#include <linux/connector.h>
#include <linux/filter.h>
#include <linux/netlink.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "memory/load.h"

namespace pyprof {
namespace {

/// Room for some ten thousand events of under a kilobyte each, as the kernel counts them: more than
/// a machine forks in a tenth of a second.
constexpr int kBuffer = 8 << 20;

// Where the parts of a message stand. cn_proc.h declares the kinds of event differently from
// version to version, their numbers and places never change.
constexpr uint32_t kEvent = NLMSG_HDRLEN + sizeof(cn_msg);
constexpr uint32_t kData = kEvent + 16;  // behind kind, processor and time
constexpr uint32_t kFork = 0x00000001;
constexpr uint32_t kExit = 0x80000000;
constexpr uint32_t kAcknowledgement = 0;
constexpr uint32_t kForkParentGroup = kData + 4;
constexpr uint32_t kForkChild = kData + 8;
constexpr uint32_t kForkChildGroup = kData + 12;
constexpr uint32_t kExitThread = kData;
constexpr uint32_t kExitGroup = kData + 4;

/// Lets through acknowledgements, and forks and exits of whole processes: of those, whose thread id
/// is that of the process. A filter's words are big-endian, the connector's are the machine's.
bool FilterProcesses(int socket) {
  std::array<sock_filter, 14> program = {{
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, kEvent),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, htonl(kAcknowledgement), 10, 0),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, htonl(kExit), 5, 0),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, htonl(kFork), 0, 9),
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, kForkChild),
      BPF_STMT(BPF_MISC | BPF_TAX, 0),
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, kForkChildGroup),
      BPF_JUMP(BPF_JMP | BPF_JA, 3, 0, 0),
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, kExitThread),
      BPF_STMT(BPF_MISC | BPF_TAX, 0),
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, kExitGroup),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_X, 0, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
      BPF_STMT(BPF_RET | BPF_K, 0),
  }};
  const sock_fprog filter{program.size(), program.data()};
  return setsockopt(socket, SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof(filter)) == 0;
}

}  // namespace

ProcessEvents::ProcessEvents() {
  socket_ = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_CONNECTOR);
  if (socket_ < 0) return;
  // As much as everybody may have, and what is wanted where it is allowed.
  setsockopt(socket_, SOL_SOCKET, SO_RCVBUF, &kBuffer, sizeof(kBuffer));
  setsockopt(socket_, SOL_SOCKET, SO_RCVBUFFORCE, &kBuffer, sizeof(kBuffer));
  sockaddr_nl address{};
  address.nl_family = AF_NETLINK;
  address.nl_groups = CN_IDX_PROC;
  if (bind(socket_, reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0) return;
  if (!FilterProcesses(socket_) || !Listen(true)) return;
  // The kernel answers before send returns. Where it keeps silent, it will not tell of processes
  // either: this is another namespace than its first one.
  std::vector<Event> ignored;
  Receive(&ignored, &available_);
}

ProcessEvents::~ProcessEvents() {
  // The kernel counts its listeners, and would go on making events for nobody.
  if (available_) Listen(false);
  if (socket_ >= 0) close(socket_);
}

bool ProcessEvents::Listen(bool on) {
  const uint32_t operation = on ? PROC_CN_MCAST_LISTEN : PROC_CN_MCAST_IGNORE;
  std::array<std::byte, kEvent + sizeof(operation)> request{};
  nlmsghdr header{};
  header.nlmsg_len = request.size();
  header.nlmsg_type = NLMSG_DONE;
  cn_msg message{};
  message.id = {CN_IDX_PROC, CN_VAL_PROC};
  message.len = sizeof(operation);
  std::memcpy(request.data(), &header, sizeof(header));
  std::memcpy(request.data() + NLMSG_HDRLEN, &message, sizeof(message));
  std::memcpy(request.data() + kEvent, &operation, sizeof(operation));
  return send(socket_, request.data(), request.size(), 0) == static_cast<ssize_t>(request.size());
}

bool ProcessEvents::Take(std::vector<Event>* out) {
  bool acknowledged = false;
  return Receive(out, &acknowledged);
}

bool ProcessEvents::Receive(std::vector<Event>* out, bool* acknowledged) {
  bool whole = true;
  std::array<std::byte, 512> message;
  while (true) {
    sockaddr_nl sender{};
    socklen_t size = sizeof(sender);
    const ssize_t got = recvfrom(socket_, message.data(), message.size(), 0,
                                 reinterpret_cast<sockaddr*>(&sender), &size);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0 && errno == ENOBUFS) {
      whole = false;  // told once; what is in the buffer still comes
      continue;
    }
    if (got <= 0) return whole;
    // Any process may write to a netlink socket; the kernel's id is 0.
    if (sender.nl_pid != 0 || got < static_cast<ssize_t>(kForkChildGroup + 4)) continue;
    const auto word = [&message](uint32_t at) { return Load<uint32_t>(message.data() + at); };
    const auto id = [&word](uint32_t at) { return static_cast<pid_t>(word(at)); };
    const uint32_t kind = word(kEvent);
    if (kind == kAcknowledgement && word(kData) == 0) *acknowledged = true;
    if (kind == kFork) out->push_back({true, id(kForkChildGroup), id(kForkParentGroup)});
    if (kind == kExit) out->push_back({false, id(kExitGroup), 0});
  }
}

}  // namespace pyprof
