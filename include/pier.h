/* pier: talk, share and serve over any socket. This header brings all of the library. */
#ifndef PIER_H
#define PIER_H

#include <stdio.h>

#include <pier/addr.h>
#include <pier/bytes.h>
#include <pier/chan.h>
#include <pier/charset.h>
#include <pier/conn.h>
#include <pier/digest.h>
#include <pier/error.h>
#include <pier/fiber.h>
#include <pier/file.h>
#include <pier/http.h>
#include <pier/interface.h>
#include <pier/kind.h>
#include <pier/log.h>
#include <pier/message.h>
#include <pier/names.h>
#include <pier/network.h>
#include <pier/offload.h>
#include <pier/pack.h>
#include <pier/server.h>
#include <pier/sim.h>
#include <pier/sock.h>
#include <pier/sockopt.h>
#include <pier/stats.h>
#include <pier/sync.h>
#include <pier/time.h>
#include <pier/tls.h>
#include <pier/topic.h>
#include <pier/words.h>

#endif
