#include <sys/socket.h>
#include <unistd.h>

#include "base/err.h"
#include "net/worker.h"
#include "outq_model.h"
#include "sink/outq.h"
#include "sink/outq_lane.h"

/*
 * Queues towards consumers (sink/outq.h): two of them in a lane, each with a
 * consumer at the other end of a socket, or none.  Byte 0 is what a full queue
 * means, byte 1 how much the lane holds; then follow steps.
 *
 * A consumer hears what outq_model.h says that it must, in order, and nothing
 * else; what was put in is written, dropped for the reason that the model
 * knows, or waits; whoever was told to wait for room is woken.
 */

#define SLOTS     2
#define STEPS     400 /* of an input: more cost time only */
#define ROOM_MOST ((size_t)64 * 1024)

/* What whoever puts does when the queue is full. */
enum full_policy {
	FULL_DROP,
	FULL_PAUSE,
	FULL_CLOSE,
	FULL_CARELESS
};

/* What the owner does when its consumer is lost, or answers. */
enum owner_act {
	ACT_NOTHING,
	ACT_ABORT,
	ACT_FINISH,
	ACT_ATTACH
};

struct scene;

/**
 * struct slot - A queue, as its owner and its consumer have it
 * @q:		NULL: the owner has let go
 * @peer:	The consumer's end; -1: none
 * @cut:	What is left may be thrown away: it was aborted, or cut off
 * @fin:	Nothing more will be put in
 * @asked:	Bytes that this consumer has sent,
 * @answers:	... and that were told
 * @shut:	It has sent FIN,
 * @answered:	... and that was told
 * @waits:	Full, and whoever puts waits
 */
struct slot {
	struct scene *sc;
	struct outq *q;
	struct model m;
	size_t limit;
	int peer;
	bool cut;
	bool fin;
	bool has_head;
	enum owner_act on_gone;
	enum owner_act on_answer;
	uint64_t asked;
	uint64_t answers;
	bool shut;
	unsigned answered;
	bool waits;
};

struct scene {
	struct worker *w;
	struct outq_lane lane;
	struct sink_count count;
	struct worker_waiter waiter;
	struct slot slot[SLOTS];
	struct model_sums sums;
	enum full_policy policy;
	bool lane_waits;
	bool is_plain;
};

/* --- both ends --------------------------------------------------------- */

static void
drop_peer(struct slot *s)
{
	if (s->peer >= 0)
		(void)close(s->peer); /* a socket's end that nobody reads */
	s->peer = -1;
}

static void
let_go(struct slot *s)
{
	if (outq_state(s->q) == OUTQ_ABSENT)
		model_lost(&s->m, &s->sc->sums);
	s->q = NULL;
}

static void
abort_queue(struct slot *s)
{
	struct outq *q = s->q;

	s->cut = true;
	let_go(s);
	outq_abort(q);
}

static void
finish_queue(struct slot *s, enum outq_end end)
{
	struct outq *q = s->q;

	s->fin = true;
	s->cut = s->cut || outq_state(q) == OUTQ_ABSENT;
	let_go(s);
	outq_finish(q, end);
}

static void
attach(struct slot *s)
{
	int fd[2], least = 1, rc;

	if (outq_state(s->q) != OUTQ_ABSENT)
		return;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0,
		fd) != 0)
		abort(); /* nothing can be tested then */
	/* If it stays large, less waits here. */
	(void)setsockopt(fd[0], SOL_SOCKET, SO_SNDBUF, &least, sizeof(least));
	drop_peer(s);
	rc = outq_attach(s->q, fd[0]);
	FUZZ_CHECK(rc == 0 || memory_is_short());
	if (rc != 0) {
		(void)close(fd[1]); /* likewise */
		return;
	}
	s->peer = fd[1];
	s->asked = s->answers = 0;
	s->answered = 0;
	s->shut = s->cut = false;
	model_attach(&s->m, s->has_head ? "head " : "");
}

static void
act(struct slot *s, enum owner_act what)
{
	if (what == ACT_ABORT)
		abort_queue(s);
	else if (what == ACT_FINISH)
		finish_queue(s, OUTQ_FIN);
	else if (what == ACT_ATTACH)
		attach(s);
}

static void
on_head(void *self, struct obuf *out)
{
	const struct slot *s = self;

	if (s->has_head)
		obuf_puts(out, "head ");
}

static void
on_gone(void *self, int error)
{
	struct slot *s = self;

	FUZZ_CHECK(error < 0 && outq_queued(s->q) == 0);
	FUZZ_CHECK(outq_state(s->q) == OUTQ_ABSENT);
	s->cut = true;
	model_gone(&s->m);
	act(s, s->on_gone);
}

static void
on_answer(void *self, const uint8_t *data, size_t len)
{
	struct slot *s = self;

	FUZZ_CHECK(len > 0 && data[0] == '?');
	s->answers += len;
	FUZZ_CHECK(s->answers <= s->asked);
	if (s->on_answer != ACT_ATTACH)
		act(s, s->on_answer);
}

static void
on_answered(void *self)
{
	struct slot *s = self;

	/* One that has gone altogether may look so, too. */
	FUZZ_CHECK(s->shut || s->peer < 0);
	s->answered++;
	FUZZ_CHECK(s->answered == 1);
}

static void
on_room(struct worker_waiter *waiter)
{
	struct scene *sc = ATTR_CONTAINER(waiter, struct scene, waiter);

	sc->lane_waits = false;
	for (size_t i = 0; i < SLOTS; i++)
		sc->slot[i].waits = false;
}

static void
renew(struct scene *sc, struct slot *s, struct fuzz_in *in)
{
	unsigned how = fuzz_u8(in);
	struct outq_opts o = {
		.limit = 1 + 64 * (size_t)fuzz_u8(in),
		.startup = 4 * (size_t)fuzz_u8(in),
		.absent = (enum outq_absent)(how % 3),
		.keep_always = (how & 4) != 0,
		.head = on_head,
		.gone = on_gone,
		.answer = on_answer,
		.answered = on_answered,
		.self = s,
	};

	if (s->q != NULL)
		return;
	drop_peer(s);
	model_done(&s->m);
	*s = (struct slot){
		.sc = sc,
		.limit = o.limit,
		.peer = -1,
		.has_head = (how & 8) != 0,
		.on_gone = (enum owner_act)(how >> 4 & 3),
		.on_answer = (enum owner_act)(how >> 6 & 3),
	};
	sc->is_plain = sc->is_plain && !s->has_head;
	model_init(&s->m, o.absent, o.startup, o.keep_always);
	s->q = outq_new(&sc->lane, &o);
	FUZZ_CHECK(s->q != NULL || memory_is_short());
}

/* --- what is checked --------------------------------------------------- */

/* Return: there was something */
static bool
hear(struct slot *s, size_t most)
{
	uint8_t buf[4096];
	ssize_t n;

	if (s->peer < 0)
		return false;
	most = most < sizeof(buf) ? most : sizeof(buf);
	n = recv(s->peer, buf, most, MSG_DONTWAIT);
	if (n > 0 && !memory_is_short())
		model_heard(&s->m, buf, (size_t)n);
	if (n != 0 || memory_is_short())
		return n > 0;
	/* Its end: everything came, unless it was thrown away. */
	FUZZ_CHECK(s->fin || s->cut);
	FUZZ_CHECK(s->cut || model_is_heard(&s->m));
	return false;
}

static uint64_t
settled(const struct scene *sc)
{
	uint64_t n = count_get(&sc->count.written);

	for (int r = 0; r < DROP_NREASONS; r++)
		n += count_get(&sc->count.drop_bytes[r]);
	return n;
}

static void
check_sums(const struct scene *sc)
{
	const struct count *dropped = sc->count.drop_bytes;
	uint64_t n = settled(sc);

	FUZZ_CHECK(n <= sc->sums.put);
	FUZZ_CHECK(!sc->is_plain || n + sc->lane.queued == sc->sums.put);
	if (memory_is_short())
		return;
	FUZZ_CHECK(count_get(&dropped[DROP_QUEUE_FULL]) == 0);
	FUZZ_CHECK(
	    count_get(&dropped[DROP_STARTUP_FULL]) == sc->sums.startup_full);
	FUZZ_CHECK(
	    count_get(&dropped[DROP_NO_CONSUMER]) == sc->sums.no_consumer);
}

static void
check_slot(const struct slot *s)
{
	if (s->q == NULL)
		return;
	FUZZ_CHECK(
	    !s->waits || outq_full(s->q) || outq_queued(s->q) > s->limit / 2);
	if (memory_is_short())
		return;
	if (outq_state(s->q) == OUTQ_ABSENT)
		FUZZ_CHECK(outq_queued(s->q) == s->m.kept.len);
	else if (s->peer >= 0)
		FUZZ_CHECK(
		    s->answers == s->asked && s->answered == (s->shut ? 1 : 0));
}

static uint64_t
on_turn(void *self, uint64_t mono_ns)
{
	return outq_lane_turn(self, mono_ns);
}

static void
settle(struct scene *sc)
{
	for (int i = 0; i < 4; i++) {
		worker_touch(sc->w);
		(void)worker_step(sc->w, 0);
	}
	for (size_t i = 0; i < SLOTS; i++)
		check_slot(&sc->slot[i]);
	FUZZ_CHECK(!sc->lane_waits || sc->lane.queued > 0);
}

/* A consumer that takes all it can get gets all there is. */
static void
drain(struct scene *sc, struct slot *s)
{
	int quiet = 0;

	while (quiet < 16) {
		settle(sc);
		quiet = hear(s, SIZE_MAX) ? 0 : quiet + 1;
	}
	if (s->q == NULL || outq_state(s->q) != OUTQ_LIVE || s->peer < 0)
		return;
	if (outq_queued(s->q) == 0 && !memory_is_short())
		FUZZ_CHECK(model_is_heard(&s->m));
}

/* --- steps ------------------------------------------------------------- */

/* Return: it may be put in */
static bool
look_for_room(struct scene *sc, struct slot *s)
{
	if (!outq_full(s->q) || sc->policy == FULL_CARELESS)
		return true;
	if (sc->policy == FULL_CLOSE)
		abort_queue(s);
	if (sc->policy != FULL_PAUSE)
		return false;
	FUZZ_CHECK(outq_lane_full(&sc->lane));
	s->waits = sc->lane_waits = true;
	worker_wait_room(sc->w, &sc->waiter);
	return false;
}

static void
put(struct scene *sc, struct slot *s, struct fuzz_in *in, bool is_framed)
{
	size_t n = fuzz_u8(in), payload;
	uint8_t *data;

	n = n < 192 ? 1 + n : (n - 191) * 700;
	payload = is_framed ? n / 2 : n;
	if (s->q == NULL || s->fin || !look_for_room(sc, s))
		return;
	sc->is_plain = sc->is_plain && !is_framed;
	data = model_bytes(&s->m, n);
	sc->sums.put += payload;
	if (outq_state(s->q) == OUTQ_LIVE)
		model_say(&s->m, data, n);
	else
		model_keep(&s->m, &sc->sums, data, n, payload);
	outq_put(s->q, data, n, payload);
	free(data);
}

/* The consumer does something. */
static void
consume(struct scene *sc, struct slot *s, struct fuzz_in *in, unsigned what)
{
	static const char said[] = "????????????????";

	if (what == 0)
		(void)hear(s, 1 + 16 * (size_t)fuzz_u8(in));
	else if (what == 1)
		drain(sc, s);
	if (s->peer < 0)
		return;
	if (what == 2 && !s->shut) {
		ssize_t n = send(s->peer, said, 1 + fuzz_below(in, 16),
		    MSG_DONTWAIT | MSG_NOSIGNAL);

		s->asked += n > 0 ? (uint64_t)n : 0;
	} else if (what == 3 && !s->shut) {
		s->shut = shutdown(s->peer, SHUT_WR) == 0;
	} else if (what == 4) {
		s->cut = true;
		drop_peer(s);
	}
}

static void
step_owner(struct slot *s, struct fuzz_in *in, unsigned what)
{
	if (s->q == NULL)
		return;
	if (what == 0) {
		attach(s);
	} else if (what == 1 && !s->fin) {
		s->fin = true;
		outq_fin(s->q);
	} else if (what == 2) {
		finish_queue(s, fuzz_u8(in) & 1 ? OUTQ_RST : OUTQ_FIN);
	} else if (what == 3) {
		abort_queue(s);
	} else if (what == 4 && outq_state(s->q) == OUTQ_ABSENT) {
		size_t n = 1 + fuzz_below(in, 256);

		model_forget(&s->m, &s->sc->sums, n);
		outq_forget(s->q, n);
	}
}

static void
step(struct scene *sc, struct fuzz_in *in)
{
	unsigned op = fuzz_u8(in);
	struct slot *s = &sc->slot[op & 1];

	op = op >> 1 & 15;
	if (op < 3)
		put(sc, s, in, op == 2);
	else if (op < 5)
		settle(sc);
	else if (op < 10)
		consume(sc, s, in, op - 5);
	else if (op < 15)
		step_owner(s, in, op - 10);
	else
		renew(sc, s, in);
	check_sums(sc);
}

/* --- the end ----------------------------------------------------------- */

static void
stop(struct scene *sc)
{
	for (size_t i = 0; i < SLOTS; i++) {
		if (sc->slot[i].q != NULL)
			finish_queue(&sc->slot[i], OUTQ_RST);
		check_sums(sc);
	}
	outq_lane_finish(&sc->lane, 0);
	settle(sc);
	FUZZ_CHECK(outq_lane_finished(&sc->lane));
	FUZZ_CHECK(sc->lane.nqueues == 0 && sc->lane.queued == 0);
	FUZZ_CHECK(settled(sc) == sc->sums.put);
	for (size_t i = 0; i < SLOTS; i++) {
		drop_peer(&sc->slot[i]);
		model_done(&sc->slot[i].m);
	}
	worker_free(sc->w);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_in in = { data, size };
	struct scene sc = { .waiter = { .room = on_room }, .is_plain = true };

	memory_pause(true);
	sc.w = worker_new(0, NULL);
	memory_pause(false);
	if (sc.w == NULL)
		abort(); /* nothing can be tested then */
	list_init(&sc.waiter.node);
	outq_lane_init(&sc.lane, sc.w, &sc.count, 0);
	worker_set_turn(sc.w, on_turn, &sc.lane);
	sc.policy = (enum full_policy)(fuzz_u8(&in) % 4);
	sc.lane.most = ROOM_MOST / 256 * (1 + (size_t)fuzz_u8(&in));
	for (size_t i = 0; i < SLOTS; i++) {
		sc.slot[i].peer = -1;
		renew(&sc, &sc.slot[i], &in);
	}
	for (int i = 0; i < STEPS && in.left > 0; i++)
		step(&sc, &in);
	stop(&sc);
	return 0;
}
