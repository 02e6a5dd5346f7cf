/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Journal events that somebody has to do something about, or wants to find: each has a MESSAGE_ID for `journalctl
 * MESSAGE_ID=…`, and an entry in the catalog, which `journalctl -x` shows below the line. What is not here is only
 * text.
 *
 * A row: name, id (systemd-id128 new; never changed, never used again), priority, subject, help. The help says what
 * happens now and what to do; @FIELD@ is a field of the entry. log_event() writes one.
 */
#define LOG_EVENTS(X)                                                                                                  \
    X(FENCED, "dfd81f429ad94f6f90a219839711ebaf", LOG_WARNING, "An instance was declared dead",                        \
      "The instance @KESTRA_ROLE@ was silent for longer than lease.time, and the others took its work "                \
      "over. It has forgotten what it held and joins again; nothing is lost, and nothing that it had "                 \
      "not committed counts.\n\nA machine that was suspended or overloaded, or a connection to "                       \
      "PostgreSQL that hung, is the usual cause. When it happens often, raise lease.time in "                          \
      "kestra.yaml.")                                                                                                  \
    X(COMPONENT_DOWN, "128dcdd0d1cc4309b8ec68868496c670", LOG_WARNING,                                                 \
      "Something that the role needs cannot be reached",                                                               \
      "The role @KESTRA_ROLE@ keeps what it has, tries again at growing intervals, and goes on by "                    \
      "itself when it succeeds. Until then its health is DOWN (kestractl status).\n\nFor the database "                \
      "look at postgresql.dsn in kestra.yaml and at the log of PostgreSQL.")                                           \
    X(FLOW_FILE_INVALID, "aeb7d9b53caf4190a24e609873632738", LOG_ERR, "A flow file has an error",                      \
      "The file, line and column are in the message. The last revision without an error stays in use, "                \
      "and the file is read again when it changes.\n\nkestractl flow validate FILE checks a file "                     \
      "without storing it; kestractl flow status shows all files with their errors.")                                  \
    X(FLOW_DIRECTORY_UNREADABLE, "d44eff47b6504a72ad6250aee67d7685", LOG_ERR,                                          \
      "The directory of flow files cannot be read",                                                                    \
      "The flows that came from it stay as they are, until it can be read again.\n\nThe scheduler reads"               \
      " it as its own user: look at the permissions of flows.directory and of the directories above it.")              \
    X(SETTINGS_INVALID, "49914159f5a74032b49317f561b65eb4", LOG_ERR, "A reload found settings that are wrong",         \
      "The settings stay as they were. The message says what was found and what was "                                  \
      "expected.\n\nkestractl config check reads the same files and says the same; then reload again.")                \
    X(MESSAGE_SET_ASIDE, "5dc3992ba3dd4b04a0f2f72abf6c17d9", LOG_WARNING,                                              \
      "A message between roles could not be handled",                                                                  \
      "It was set aside with its reason, so that the others go on; its execution waits.\n\nkestractl "                 \
      "poison list shows such messages. When the cause is mended, kestractl poison replay puts them "                  \
      "back into their queue.")                                                                                        \
    X(TRIGGER_NOT_SCHEDULED, "f960ad076bd04de3b77e74af26121520", LOG_WARNING, "A trigger cannot be scheduled",         \
      "The message says which one and why. It starts no execution until its flow is changed.")                         \
    X(TRIGGER_FAILED, "9579db2ac2164e1e9cf061883d3260d8", LOG_WARNING,                                                 \
      "A trigger could not start an execution as it should",                                                           \
      "A condition or an input of the trigger could not be rendered. An execution in state FAILED shows"               \
      " it, and the trigger goes on with its next date.")                                                              \
    X(JOBS_HANDED_BACK, "dd54f91d1947499594cbef4bf80c72a6", LOG_NOTICE,                                                \
      "A worker that was stopped ended task runs that had not finished",                                               \
      "They did not end within shutdown.grace. Their jobs went back to the queue, and another worker "                 \
      "runs them again from the beginning.\n\nRaise shutdown.grace in kestra.yaml if tasks need longer "               \
      "to end.")                                                                                                       \
    X(LOGIN_REFUSED, "fdf923f8ba8f41c6a48d456fc01843da", LOG_WARNING, "A login was refused",                           \
      "Name or password were wrong. After some failures the address has to wait longer and "                           \
      "longer.\n\nkestractl user password sets the administrator's password anew.")                                    \
    X(NO_PASSWORD, "2ab46f8228f1414290c235adff0ab132", LOG_NOTICE, "There is no password for the API and UI yet",      \
      "Nobody can log in over the network until one is set: kestractl user password. On this machine "                 \
      "root and the group kestra need none (kestractl).")                                                              \
    X(LIMITS_NOT_ENFORCED, "6c3380e6569b428690587d7d3a864540", LOG_NOTICE,                                             \
      "Limits of task processes cannot be enforced",                                                                   \
      "The worker has no control group of its own, or not all controllers. Tasks run all the same, and "               \
      "are ended with all their descendants; memory, processor and process limits have no effect.\n\nAs"               \
      " a service of systemd with control groups of version 2 the worker gets them by Delegate=yes.")                  \
    X(STORAGE_UNUSABLE, "a9aa362db1ac420f8c420a77173dc73f", LOG_ERR, "Internal storage cannot be opened",              \
      "The worker cannot start without it. Look at storage.* in kestra.yaml, and at who owns the "                     \
      "directory.")

typedef enum LogEvent {
#define LOG_EVENT_NAME(name, ...) LOG_EVENT_##name,
    LOG_EVENTS(LOG_EVENT_NAME)
#undef LOG_EVENT_NAME
        _LOG_EVENT_MAX,
} LogEvent;
