/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Topics: who is subscribed to what, and one message for many.
 *
 * Names, counts and lists are under the lock of a server's topics.  The arrays of subscribers belong to the workers: each
 * worker has, for each topic, those of its own channels, and walks them without a lock.  A publish posts one message to each
 * worker that has subscribers; it is sent at the end of the turn, together with those that came behind it for the same
 * topic: one system call per subscriber.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include "conf/config.h"
#include "base/random.h"
#include "driver/progress.h"
#include "websocket/int.h"

#define MAX_BATCH 16

typedef struct Topic Topic;

struct WsMembership {
    Topic        *topic;
    WsSession    *session;
    NsChan       *chan;                        /* retained */
    WsMembership *next, **prev;                /* lock: of the session */
    WsMembership *nextOfTopic, **prevOfTopic;  /* lock: those that are wanted */
    bool          wanted;                      /* lock */
    unsigned      pending;                     /* lock: changes on their way */
    uint64_t      changes, overtaken;          /* lock: number of the last one; up to which they are to be ignored */
    ptrdiff_t     index;                       /* worker: place in the array, -1: none */
};

/* Another thread subscribes or unsubscribes: on its way to the worker, between the messages that come before and after it. */
typedef struct Change {
    NsTask        task;
    WsMembership *member;
    uint64_t      number;
    bool          enter;
} Change;

typedef struct Part {                          /* of a topic, a worker's: the worker's thread */
    WsMembership **members;
    size_t         count, size;
    size_t         wanted;                     /* lock: subscribers, those included that are on their way */
} Part;

struct Topic {
    Tcl_HashEntry *entry;                      /* lock */
    struct NsTopics *topics;
    size_t         refs;                       /* lock: memberships, and messages under way */
    size_t         count;                      /* lock: subscribers */
    size_t         packable;                   /* lock: of them, those that take compressed frames */
    WsMembership  *first;                      /* lock */
    Part           parts[];
};

struct NsTopics {
    pthread_mutex_t lock;
    NsServer       *server;
    Tcl_HashTable   byName;
    size_t          active;                    /* lock: topics with subscribers */
    size_t          memory;                    /* lock: of topics and memberships, their arrays included */
    size_t          maxMemory;
    size_t          maxTopics;                 /* of a session */
    const char     *uploads;                   /* what topics of the progress of uploads begin with; "": there are none */
};

static struct NsTopics *
TopicsOf(const NsServer *server)
{
    return NsServerPartData(server, &nsTopicPart);
}

/* A message on its way through a worker. */
typedef struct Message {
    struct Message *next;
    NsTask          task;
    Topic          *topic;                     /* referenced */
    WsShared       *shared;                    /* referenced */
} Message;

/* A worker's messages of this turn, in the order in which they came. */
typedef struct Turn {
    Message *first, **last;
    NsTask   task;
    bool     deferred;
} Turn;
static __thread Turn turn;

static void SendTurn(void);

/* ---- names ---- */

/* Names come from outside: a seed keeps them from being made to collide. */
static uint64_t seed;

static unsigned
HashName(Tcl_HashTable *table, void *key)
{
    const unsigned char *p = key;
    uint64_t             hash = seed;

    (void)table;
    for (; *p != '\0'; p++) {
        hash = (hash ^ *p) * 0x9e3779b97f4a7c15u;
        hash ^= hash >> 29;
    }
    return (unsigned)(hash ^ hash >> 32);
}

static int
CompareNames(void *key, Tcl_HashEntry *entry)
{
    return strcmp(key, entry->key.string) == 0;
}

static Tcl_HashEntry *
AllocEntry(Tcl_HashTable *table, void *key)
{
    size_t         len = strlen(key) + 1u;
    Tcl_HashEntry *entry = (Tcl_HashEntry *)ckalloc((unsigned)(offsetof(Tcl_HashEntry, key) + (len < sizeof(entry->key)
                                                                                               ? sizeof(entry->key) : len)));

    (void)table;
    memcpy(entry->key.string, key, len);
    entry->clientData = NULL;
    return entry;
}

static const Tcl_HashKeyType nameType = {
    TCL_HASH_KEY_TYPE_VERSION, TCL_HASH_KEY_RANDOMIZE_HASH, HashName, CompareNames, AllocEntry, NULL
};

/* Lock held. */
static Topic *
FindTopic(struct NsTopics *topics, const char *name)
{
    Tcl_HashEntry *entry = Tcl_FindHashEntry(&topics->byName, name);

    return entry != NULL ? Tcl_GetHashValue(entry) : NULL;
}

/* Of a topic, without its subscribers. */
static size_t
TopicSize(const char *name)
{
    return sizeof(Topic) + (size_t)NsWorkerCount() * sizeof(Part) + sizeof(Tcl_HashEntry) + strlen(name) + 1u;
}

/* Of a subscription; with its place in the worker's array, which may have twice the room it needs, and the change on its way there. */
#define MEMBER_SIZE (sizeof(WsMembership) + 2u * sizeof(WsMembership *) + sizeof(Change))

/* Lock held. */
static Topic *
MakeTopic(struct NsTopics *topics, const char *name)
{
    Topic *topic = FindTopic(topics, name);

    if (topic == NULL) {
        int isNew;

        topic = ns_calloc(1u, sizeof(Topic) + (size_t)NsWorkerCount() * sizeof(Part));
        topic->topics = topics;
        topic->entry = Tcl_CreateHashEntry(&topics->byName, name, &isNew);
        Tcl_SetHashValue(topic->entry, topic);
        topics->memory += TopicSize(name);
    }
    return topic;
}

/* Lock held. */
static void
ReleaseTopic(Topic *topic)
{
    if (--topic->refs == 0u) {
        int i;

        for (i = 0; i < NsWorkerCount(); i++) {
            ns_free(topic->parts[i].members);
        }
        topic->topics->memory -= TopicSize(topic->entry->key.string);
        Tcl_DeleteHashEntry(topic->entry);
        ns_free(topic);
    }
}

/* ---- arrays ---- */

/* The worker: bring the array into line with what is wanted. */
static void
Enter(WsMembership *member, Part *part)
{
    if (part->count == part->size) {
        part->size = part->size > 0u ? 2u * part->size : 4u;
        part->members = ns_realloc(part->members, part->size * sizeof(*part->members));
    }
    member->index = (ptrdiff_t)part->count;
    part->members[part->count++] = member;
}

static void
Leave(WsMembership *member, Part *part)
{
    WsMembership *last = part->members[--part->count];

    last->index = member->index;
    part->members[member->index] = last;
    member->index = -1;
    if (part->count == 0u) {
        ns_free(part->members);
        part->members = NULL;
        part->size = 0u;
    }
}

/* Lock held, the worker. */
static void
Settle(WsMembership *member, bool enter)
{
    Part *part = &member->topic->parts[NsWorkerIndex(member->chan->worker)];

    if (enter && member->index < 0) {
        Enter(member, part);
    } else if (!enter && member->index >= 0) {
        Leave(member, part);
    }
}

/* Lock held: out of the session's list, and freed; its channel is to be released by the caller, without the lock. */
static NsChan *
FreeMember(WsMembership *member)
{
    NsChan *chan = member->chan;

    *member->prev = member->next;
    if (member->next != NULL) {
        member->next->prev = member->prev;
    }
    member->topic->topics->memory -= MEMBER_SIZE;
    ReleaseTopic(member->topic);
    ns_free(member);
    return chan;
}

/* Lock held, the worker: a membership that is neither wanted nor waited for is gone. */
static NsChan *
FreeIfOver(WsMembership *member)
{
    return !member->wanted && member->pending == 0u ? FreeMember(member) : NULL;
}

static void
SettleTask(NsLoop *loop, NsTask *task)
{
    Change          *change = (Change *)((char *)task - offsetof(Change, task));
    WsMembership    *member = change->member;
    struct NsTopics *topics = member->topic->topics;
    NsChan          *chan;

    (void)loop;
    SendTurn();                                /* what was published before goes to those who were subscribed then */
    pthread_mutex_lock(&topics->lock);
    member->pending--;
    if (change->number > member->overtaken) {
        Settle(member, change->enter);
    }
    chan = FreeIfOver(member);
    pthread_mutex_unlock(&topics->lock);
    Ns_ConnChanRelease(chan);
    ns_free(change);
}

/* Lock held, any thread: the array follows, at once on the worker.  Returns a channel to be released without the lock. */
static NsChan *
Follow(WsMembership *member)
{
    Change *change;

    member->changes++;
    if (NsWorkerCurrent() == member->chan->worker) {
        member->overtaken = member->changes;
        Settle(member, member->wanted);
        return FreeIfOver(member);
    }
    change = ns_calloc(1u, sizeof(Change));
    change->member = member;
    change->number = member->changes;
    change->enter = member->wanted;
    change->task.proc = SettleTask;
    member->pending++;
    NsLoopPost(NsWorkerLoop(member->chan->worker), &change->task);
    return NULL;
}

/* Lock held. */
static void
Count(WsMembership *member, bool wanted)
{
    Topic  *topic = member->topic;
    size_t *ofWorker = &topic->parts[NsWorkerIndex(member->chan->worker)].wanted;

    member->wanted = wanted;
    if (wanted) {
        topic->topics->active += topic->count == 0u;
        topic->count++;
        (*ofWorker)++;
        topic->packable += NsWsTakesPacked(member->session);
        member->session->topicCount++;
        member->nextOfTopic = topic->first;
        member->prevOfTopic = &topic->first;
        if (topic->first != NULL) {
            topic->first->prevOfTopic = &member->nextOfTopic;
        }
        topic->first = member;
    } else {
        topic->count--;
        topic->topics->active -= topic->count == 0u;
        (*ofWorker)--;
        topic->packable -= NsWsTakesPacked(member->session);
        member->session->topicCount--;
        *member->prevOfTopic = member->nextOfTopic;
        if (member->nextOfTopic != NULL) {
            member->nextOfTopic->prevOfTopic = member->prevOfTopic;
        }
    }
}

/* ---- subscribing ---- */

/* Lock held: the session's membership, wanted or just leaving. */
static WsMembership *
FindMember(const WsSession *session, const Topic *topic)
{
    WsMembership *member = session->topics;

    while (member != NULL && member->topic != topic) {
        member = member->next;
    }
    return member;
}

/* Lock held. */
static WsMembership *
AddMember(WsSession *session, Topic *topic)
{
    WsMembership *member = ns_calloc(1u, sizeof(WsMembership));

    member->topic = topic;
    topic->topics->memory += MEMBER_SIZE;
    topic->refs++;
    member->session = session;
    member->chan = Ns_ConnChanRetain(session->chan);
    member->index = -1;
    member->next = session->topics;
    member->prev = &session->topics;
    if (session->topics != NULL) {
        session->topics->prev = &member->next;
    }
    session->topics = member;
    return member;
}

/* Lock held; the topic is there.  False: errno says which limit it is, ENOBUFS the session's, ENOMEM the server's. */
static bool
MayHaveMore(const WsSession *session, const struct NsTopics *topics, const WsMembership *member)
{
    bool may = false;

    if (session->topicCount >= topics->maxTopics) {
        errno = ENOBUFS;
    } else if (topics->memory + (member == NULL ? MEMBER_SIZE : 0u) > topics->maxMemory) {
        errno = ENOMEM;
    } else {
        may = true;
    }
    return may;
}

int
Ns_WebSocketSubscribe(NsChan *chan, const char *topicName)
{
    WsSession       *session = NsWsSessionOf(chan);
    struct NsTopics *topics = TopicsOf(chan->server);
    size_t           len = strlen(topicName);
    WsMembership    *member;
    int              result = -1;

    if (session == NULL || len == 0u || len > NS_WEBSOCKET_MAX_TOPIC) {
        errno = EINVAL;
        return -1;
    }
    SendTurn();
    pthread_mutex_lock(&topics->lock);
    if (session->topicsClosed || !ChanIs(chan, CHAN_OPEN)) {
        errno = EPIPE;
    } else {
        Topic *topic = MakeTopic(topics, topicName);

        topic->refs++;
        member = FindMember(session, topic);
        if (member != NULL && member->wanted) {
            if (member->pending > 0u && NsWorkerCurrent() == chan->worker) {
                (void)Follow(member);          /* another thread did it: what this one publishes next goes to it, too */
            }
            result = 0;
        } else if (!MayHaveMore(session, topics, member)) {
            WS_COUNT(chan->server, topicsRefused);
        } else {
            if (member == NULL) {
                member = AddMember(session, topic);
            }
            Count(member, true);
            (void)Follow(member);              /* nothing is freed: it is wanted */
            result = 1;
        }
        ReleaseTopic(topic);
    }
    pthread_mutex_unlock(&topics->lock);
    return result;
}

static int
UnsubscribeOne(WsMembership *member, NsChan **freed)
{
    *freed = NULL;
    if (member == NULL || !member->wanted) {
        return 0;
    }
    Count(member, false);
    *freed = Follow(member);
    return 1;
}

int
Ns_WebSocketUnsubscribe(NsChan *chan, const char *topicName)
{
    WsSession       *session = NsWsSessionOf(chan);
    struct NsTopics *topics = TopicsOf(chan->server);
    int              count = 0, released = 0;
    NsChan          *freed;

    if (session == NULL) {
        errno = EINVAL;
        return -1;
    }
    SendTurn();
    pthread_mutex_lock(&topics->lock);
    if (topicName != NULL) {
        Topic *topic = FindTopic(topics, topicName);

        if (topic != NULL) {
            count = UnsubscribeOne(FindMember(session, topic), &freed);
            released += freed != NULL;
        }
    } else {
        WsMembership *member = session->topics;

        while (member != NULL) {
            WsMembership *next = member->next;

            count += UnsubscribeOne(member, &freed);
            released += freed != NULL;
            member = next;
        }
    }
    pthread_mutex_unlock(&topics->lock);
    while (released-- > 0) {
        Ns_ConnChanRelease(chan);
    }
    return count;
}

static void
LeaveAll(WsSession *session)
{
    struct NsTopics *topics = TopicsOf(session->chan->server);

    pthread_mutex_lock(&topics->lock);
    session->topicsClosed = true;
    pthread_mutex_unlock(&topics->lock);
    (void)Ns_WebSocketUnsubscribe(session->chan, NULL);
}

/* ---- publishing ---- */

static void
Send(Part *part, WsShared *const *shared, int count, NsServer *server)
{
    uint64_t delivered = 0u;
    size_t   i = 0u;

    while (i < part->count) {
        const WsMembership *member = part->members[i];

        if (i + 2u < part->count) {
            __builtin_prefetch(part->members[i + 2u]->chan);
        }
        delivered += (uint64_t)NsWsDeliver(member->chan, shared, count);
        /* Who is too slow is closed, and then the last one has taken its place. */
        if (i < part->count && part->members[i] == member) {
            i++;
        }
    }
    atomic_fetch_add_explicit(&NsWebSocketsOf(server)->counters.delivered, delivered, memory_order_relaxed);
}

static void
FreeMessages(Message *message)
{
    while (message != NULL) {
        Message         *next = message->next;
        struct NsTopics *topics = message->topic->topics;

        NsWsSharedRelease(message->shared);
        pthread_mutex_lock(&topics->lock);
        ReleaseTopic(message->topic);
        pthread_mutex_unlock(&topics->lock);
        ns_free(message);
        message = next;
    }
}

/* A worker: what follows each other for one topic goes out together.  Without the lock. */
static void
SendTurn(void)
{
    Message *first = turn.first, *message = first;
    int      worker;

    if (first == NULL) {
        return;
    }
    worker = NsWorkerIndex(NsWorkerCurrent());
    turn.first = NULL;
    turn.last = &turn.first;
    while (message != NULL) {
        WsShared *shared[MAX_BATCH];
        Topic    *topic = message->topic;
        int       count = 0;

        while (message != NULL && message->topic == topic && count < MAX_BATCH) {
            shared[count++] = message->shared;
            message = message->next;
        }
        Send(&topic->parts[worker], shared, count, topic->topics->server);
    }
    FreeMessages(first);
}

static void
EndTurn(NsLoop *loop, NsTask *task)
{
    (void)loop;
    (void)task;
    turn.deferred = false;
    SendTurn();
}

/* The worker. */
static void
Queue(NsLoop *loop, Message *message)
{
    if (turn.last == NULL) {
        turn.last = &turn.first;
    }
    *turn.last = message;
    turn.last = &message->next;
    if (!turn.deferred) {
        turn.deferred = true;
        turn.task.proc = EndTurn;
        NsLoopDefer(loop, &turn.task);
    }
}

static void
Arrive(NsLoop *loop, NsTask *task)
{
    Queue(loop, (Message *)((char *)task - offsetof(Message, task)));
}

static void
PostTo(NsWorker *worker, Topic *topic, WsShared *shared)
{
    Message *message = ns_calloc(1u, sizeof(Message));

    message->topic = topic;
    message->shared = shared;
    atomic_fetch_add_explicit(&shared->refs, 1, memory_order_relaxed);
    if (worker == NsWorkerCurrent()) {
        Queue(NsWorkerLoop(worker), message);
    } else {
        message->task.proc = Arrive;
        NsLoopPost(NsWorkerLoop(worker), &message->task);
    }
}

/* Lock held. */
static bool
IsMember(NsChan *chan, const Topic *topic)
{
    const WsSession    *session = chan != NULL && chan->server == topic->topics->server ? NsWsSessionOf(chan) : NULL;
    const WsMembership *member = session != NULL ? FindMember(session, topic) : NULL;

    return member != NULL && member->wanted;
}

/* The message was not built: the topic's references for it are not needed. */
static void
LetGo(Topic *topic, const bool workers[256])
{
    struct NsTopics *topics = topic->topics;
    int              i, count = 0;

    for (i = 0; i < NsWorkerCount(); i++) {
        count += workers[i];
    }
    pthread_mutex_lock(&topics->lock);
    while (count-- > 0) {
        ReleaseTopic(topic);
    }
    pthread_mutex_unlock(&topics->lock);
}

ssize_t
Ns_WebSocketPublish(NsServer *server, const char *topicName, int type, const void *data, size_t len, NsChan *exclude,
                    unsigned flags)
{
    struct NsWebSockets *all = NsWebSocketsOf(server);
    struct NsTopics     *topics = TopicsOf(server);
    size_t               nameLen = strlen(topicName), count = 0u;
    bool                 workers[256] = {false}, pack = false;
    WsShared            *shared;
    Topic               *topic;
    int                  i;

    if ((type != NS_WEBSOCKET_TEXT && type != NS_WEBSOCKET_BINARY) || nameLen == 0u || nameLen > NS_WEBSOCKET_MAX_TOPIC) {
        errno = EINVAL;
        return -1;
    }
    if (type == NS_WEBSOCKET_TEXT && (flags & NS_WEBSOCKET_TRUSTED) == 0u && !NsUtf8Valid(data, len)) {
        errno = EILSEQ;
        return -1;
    }
    WS_COUNT(server, published);
    pthread_mutex_lock(&topics->lock);
    topic = FindTopic(topics, topicName);
    if (topic != NULL && topic->count > 0u) {
        count = topic->count - IsMember(exclude, topic);
        pack = topic->packable > 0u;
        for (i = 0; i < NsWorkerCount(); i++) {
            workers[i] = topic->parts[i].wanted > 0u;
            topic->refs += workers[i];         /* the message's */
        }
    } else {
        topic = NULL;
    }
    pthread_mutex_unlock(&topics->lock);

    if (topic != NULL) {
        pack = pack && len >= all->defaults.deflateMinSize && (flags & NS_WEBSOCKET_NOCOMPRESS) == 0u;
        shared = NsWsSharedCreate(server, type, data, len, pack, exclude);
        if (shared == NULL) {
            LetGo(topic, workers);
            errno = ENOBUFS;
            return -1;
        }
        for (i = 0; i < NsWorkerCount(); i++) {
            if (workers[i]) {
                PostTo(NsWorkerGet(i), topic, shared);
            }
        }
        NsWsSharedRelease(shared);
    }
    return (ssize_t)count;
}

/* ---- looking ---- */

size_t
NsTopicMemory(NsServer *server)
{
    struct NsTopics *topics = TopicsOf(server);
    size_t           memory;

    pthread_mutex_lock(&topics->lock);
    memory = topics->memory;
    pthread_mutex_unlock(&topics->lock);
    return memory;
}

size_t
NsTopicCount(NsServer *server)
{
    struct NsTopics *topics = TopicsOf(server);
    size_t           count;

    pthread_mutex_lock(&topics->lock);
    count = topics->active;
    pthread_mutex_unlock(&topics->lock);
    return count;
}

static char *
ListOf(WsSession *session)
{
    struct NsTopics    *topics = TopicsOf(session->chan->server);
    const WsMembership *member;
    Tcl_DString         ds;
    char               *list;

    Tcl_DStringInit(&ds);
    pthread_mutex_lock(&topics->lock);
    for (member = session->topics; member != NULL; member = member->next) {
        if (member->wanted) {
            Tcl_DStringAppendElement(&ds, member->topic->entry->key.string);
        }
    }
    pthread_mutex_unlock(&topics->lock);
    list = ns_strdup(Tcl_DStringValue(&ds));
    Tcl_DStringFree(&ds);
    return list;
}

void
Ns_WebSocketTopics(NsServer *server, const char *pattern, bool (*proc)(const char *topic, size_t subscribers, void *arg),
                   void *arg)
{
    struct NsTopics *topics = TopicsOf(server);
    Tcl_HashSearch   search;
    Tcl_HashEntry   *entry;
    Tcl_DString      names;                    /* one after the other, each with its NUL */
    size_t          *counts, found = 0u, i;
    const char      *name;

    Tcl_DStringInit(&names);
    pthread_mutex_lock(&topics->lock);
    counts = ns_malloc((topics->active + 1u) * sizeof(size_t));
    for (entry = Tcl_FirstHashEntry(&topics->byName, &search); entry != NULL; entry = Tcl_NextHashEntry(&search)) {
        const Topic *topic = Tcl_GetHashValue(entry);

        if (topic->count > 0u && (pattern == NULL || Tcl_StringMatch(entry->key.string, pattern))) {
            Tcl_DStringAppend(&names, entry->key.string, (int)strlen(entry->key.string) + 1);
            counts[found++] = topic->count;
        }
    }
    pthread_mutex_unlock(&topics->lock);
    name = Tcl_DStringValue(&names);
    for (i = 0u; i < found && proc(name, counts[i], arg); i++) {
        name += strlen(name) + 1u;
    }
    Tcl_DStringFree(&names);
    ns_free(counts);
}

size_t
Ns_WebSocketSubscribers(NsServer *server, const char *topicName, NsChan ***chansOut)
{
    struct NsTopics    *topics = TopicsOf(server);
    const WsMembership *member;
    const Topic        *topic;
    NsChan            **chans;
    size_t              count = 0u;

    pthread_mutex_lock(&topics->lock);
    topic = FindTopic(topics, topicName);
    chans = ns_malloc(((topic != NULL ? topic->count : 0u) + 1u) * sizeof(NsChan *));
    for (member = topic != NULL ? topic->first : NULL; member != NULL; member = member->nextOfTopic) {
        chans[count++] = Ns_ConnChanRetain(member->chan);
    }
    pthread_mutex_unlock(&topics->lock);
    *chansOut = chans;
    return count;
}

/* ---- the progress of uploads ---- */

/* A driver's loop: whoever watches this upload, by the key it has. */
static void
PublishProgress(NsServer *server, const char *key, NsProgressState state, size_t received, size_t total)
{
    static const char *const words[] = {
        [NS_PROGRESS_COMES] = "uploading", [NS_PROGRESS_DONE] = "done", [NS_PROGRESS_FAILED] = "failed"
    };
    const char *prefix = TopicsOf(server)->uploads;
    char        text[128];
    Tcl_DString name;

    if (*prefix != '\0') {
        int len = snprintf(text, sizeof(text), "{\"received\":%zu,\"total\":%zu,\"state\":\"%s\"}", received, total, words[state]);

        Tcl_DStringInit(&name);
        Tcl_DStringAppend(&name, prefix, -1);
        Tcl_DStringAppend(&name, key, -1);
        /* Where nobody takes them fast enough, the next one says more. */
        (void)Ns_WebSocketPublish(server, Tcl_DStringValue(&name), NS_WEBSOCKET_TEXT, text, (size_t)len, NULL, NS_WEBSOCKET_TRUSTED);
        Tcl_DStringFree(&name);
    }
}

/* ---- start ---- */

static const WsSubscriptions subscriptions = {LeaveAll, ListOf};

static void
InitServer(NsServer *server)
{
    struct NsTopics *topics = ns_calloc(1u, sizeof(struct NsTopics));
    const char      *section = Ns_ConfigSectionPath(NULL, server->name, NULL, "websocket", NULL);

    if (seed == 0u) {
        NsRandomBytes(&seed, sizeof(seed));
        NsWsLendSubscriptions(&subscriptions);
    }
    pthread_mutex_init(&topics->lock, NULL);
    topics->server = server;
    topics->maxTopics = (size_t)Ns_ConfigIntRange(section, "maxtopics", 100, 1, INT_MAX);
    topics->maxMemory = (size_t)NsConfigMemSize(section, "maxtopicmemory", "64MB", 1024, LLONG_MAX);
    topics->uploads = Ns_ConfigString(section, "uploadtopic", "");
    if (*topics->uploads != '\0') {
        NsProgressTell(PublishProgress);
    }
    Tcl_InitCustomHashTable(&topics->byName, TCL_CUSTOM_TYPE_KEYS, &nameType);
    NsServerSetPart(server, &nsTopicPart, topics);
}

NsServerPart nsTopicPart = {.init = InitServer};
