/* SPDX-License-Identifier: Apache-2.0 */
/* Messages to chats: Slack, Discord, Teams, Google Chat, Zulip, Telegram, LINE, QQ, Messenger, WhatsApp. */
#include "plugin/service/service.h"

/* Literals in SERVICE_JSON must stay in one piece. */
/* clang-format off */

/* --- Slack, and what takes its messages (Rocket.Chat, Mattermost, Zulip) --- */

static const char slack_message[] = SERVICE_JSON({
    "text": "*{{ it.link is empty ? it.title : '<' ~ it.link ~ '|' ~ it.title ~ '>' }}*\n> {{ it.outcome }}",
    "blocks": [
        {
            "if": "{{ own.customMessage is not empty }}",
            "type": "section",
            "text": {"type": "mrkdwn", "text": "{{ own.customMessage }}"}
        },
        {
            "type": "section",
            "text": {
                "type": "mrkdwn",
                "text" :
                    "*{{ it.link is empty ? it.title : '<' ~ it.link ~ '|' ~ it.title ~ '>' }}*\n> {{ it.outcome }}"
            },
            "accessory": {
                "if": "{{ it.link is not empty }}",
                "type": "button",
                "text": {"type": "plain_text", "text": "Details"},
                "url": "{{ it.link }}"
            }
        }
    ],
    "attachments": [ {
        "color": "{{ it.execution.state.current == 'SUCCESS' ? 'good' : (it.execution.state.current == 'WARNING' ? 'warning' : 'danger') }}",
        "fields": [
            {"title": "Namespace", "value": "{{ it.execution.namespace }}", "short": true},
            {"title": "Flow ID", "value": "{{ it.execution.flowId }}", "short": true},
            {"title": "Execution ID", "value": "{{ it.execution.id }}", "short": true},
            {"title": "Execution Status", "value": "{{ it.execution.state.current }}", "short": true}, {
                "if": "{{ it.lastTask is not empty }}",
                "title": "Final task ID",
                "value": "{{ it.lastTask.taskId }}",
                "short": true
            },
            {"for": "{{ own.customFields }}", "title": "{{ item.key }}", "value": "{{ item.value }}", "short": true}
        ]
    } ],
    "channel": "{{ own.channel }}",
    "username": "{{ own.username }}",
    "icon_url": "{{ own.iconUrl }}",
    "icon_emoji": "{{ own.iconEmoji }}"
});

/* Markdown as most people write it becomes Slack's. */
static const char slack_text[] = SERVICE_JSON({
    "if": "{{ own.messageText is not empty }}",
    "...": "{{ own.messageText is json ? fromJson(own.messageText) : null }}",
    "text": "{{ own.messageText is json ? null : own.messageText | replace({'[*][*](.*?)[*][*]': '*$1*', '__(.*?)__': '_$1_', '[[](.*?)[]][(](.*?)[)]': '<$2|$1>'}, regexp=true) }}"
});

static const Field slack_fields[] = {
    SERVICE_URL,
    SERVICE_PAYLOAD,
    SERVICE_TEXT("messageText", "Text in Markdown, or the message as JSON; instead of payload."),
    SERVICE_OPTIONS,
    {},
};

const Type task_slack_incoming_webhook = {
    SERVICE_TYPE,
    .name = "io.kestra.plugin.slack.notifications.SlackIncomingWebhook",
    ALIASES("io.kestra.plugin.notifications.slack.SlackIncomingWebhook", "io.kestra.plugin.slack.SlackIncomingWebhook"),
    .title = "Send a message to Slack by an incoming webhook.",
    .doc = "Rocket.Chat and Mattermost take the same messages.",
    EXAMPLES("id: tell\n"
             "type: io.kestra.plugin.slack.notifications.SlackIncomingWebhook\n"
             "url: \"{{ secret('SLACK_WEBHOOK') }}\"\n"
             "messageText: \"**{{ flow.id }}** has failed: {{ execution.id }}\"\n"),
    .fields = slack_fields,
    SERVICE_ROW(.uri = "{{ own.url }}", .raw = "payload", .body = slack_text,
                .nothing = "Either 'messageText' or 'payload' must be provided"),
};

static const Field slack_execution_fields[] = {
    SERVICE_URL,
    SERVICE_PAYLOAD,
    SERVICE_TEXT("messageText", "Accepted; the message is built in."),
    SERVICE_TEXT("channel", "Channel; for old webhooks and Rocket.Chat."),
    SERVICE_TEXT("username", "Name of the sender; for old webhooks and Rocket.Chat."),
    SERVICE_TEXT("iconUrl", "Address of the sender's icon."),
    SERVICE_TEXT("iconEmoji", "Emoji as the sender's icon."),
    SERVICE_EXECUTION_FIELDS,
    SERVICE_OPTIONS,
    {},
};

const Type task_slack_execution = {
    SERVICE_TYPE,
    .name = "io.kestra.plugin.slack.notifications.SlackExecution",
    ALIASES("io.kestra.plugin.notifications.slack.SlackExecution", "io.kestra.plugin.slack.SlackExecution"),
    .title = "Tell Slack about an execution.",
    EXAMPLES("id: alert\n"
             "type: io.kestra.plugin.slack.notifications.SlackExecution\n"
             "url: \"{{ secret('SLACK_WEBHOOK') }}\"\n"
             "executionId: \"{{ trigger.executionId }}\"\n"),
    .fields = slack_execution_fields,
    SERVICE_ROW(.uri = "{{ own.url }}", .raw = "payload", .body = slack_message, .of_execution = true),
};

/* --- Slack by its API --- */

static const Field slack_post_fields[] = {
    SERVICE_NEEDED("token", "Token of the app."),
    SERVICE_PAYLOAD,
    SERVICE_TEXT("messageText", "Text in Markdown, or the message as JSON; instead of payload."),
    SERVICE_TEXT("channel", "Channel that gets the message."),
    SERVICE_TEXT("timestamp", "Message that is answered."),
    SERVICE_TEXT("username", "Name of the sender."),
    SERVICE_TEXT("iconUrl", "Address of the sender's icon."),
    SERVICE_TEXT("iconEmoji", "Emoji as the sender's icon."),
    {"endpointOverride", FIELD_STRING, FIELD_DYNAMIC, .fallback = "\"https://slack.com/api\"",
     .doc = "Address of the API; an addition to Kestra."},
    SERVICE_OPTIONS,
    {},
};
static const Field slack_post_outputs[] = {
    {"timestamp", FIELD_STRING, .doc = "What the message is known by."},
    {},
};

static const char slack_post[] = SERVICE_JSON({
    "if": "{{ own.payload is not empty or own.messageText is not empty }}",
    "channel": "{{ own.channel }}",
    "thread_ts": "{{ own.timestamp }}",
    "username": "{{ own.username }}",
    "icon_url": "{{ own.iconUrl }}",
    "icon_emoji": "{{ own.iconEmoji }}",
    "...": "{{ own.payload is not empty ? fromJson(own.payload) : (own.messageText is json ? fromJson(own.messageText) : {'text': own.messageText | replace({'[*][*](.*?)[*][*]': '*$1*', '__(.*?)__': '_$1_', '[[](.*?)[]][(](.*?)[)]': '<$2|$1>'}, regexp=true)}) }}"
});

const Type task_slack_post = {
    SERVICE_TYPE,
    .name = "io.kestra.plugin.slack.app.chats.Post",
    ALIASES("io.kestra.plugin.slack.chats.Post"),
    .title = "Post a message to a channel of Slack.",
    .fields = slack_post_fields,
    .outputs = slack_post_outputs,
    SERVICE_ROW(.uri = "{{ own.endpointOverride }}/chat.postMessage", .body = slack_post,
                .headers = SERVICE_JSON({"Authorization": "Bearer {{ own.token }}"}),
                .nothing = "Either 'messageText' or 'payload' must be provided",
                .refused = "{{ (answer.ok ?? false) ? '' : (answer.error ?? 'unknown') }}",
                .outputs = SERVICE_JSON({"timestamp": "{{ answer.ts ?? null }}"})),
};

/* --- Zulip --- */

static const Field webhook_fields[] = {
    SERVICE_URL,
    SERVICE_PAYLOAD,
    SERVICE_OPTIONS,
    {},
};

const Type task_zulip_incoming_webhook = {
    SERVICE_TYPE,
    .name = "io.kestra.plugin.zulip.ZulipIncomingWebhook",
    ALIASES("io.kestra.plugin.notifications.zulip.ZulipIncomingWebhook"),
    .title = "Send a message to Zulip by an incoming webhook.",
    .fields = webhook_fields,
    SERVICE_ROW(.uri = "{{ own.url }}", .raw = "payload", .nothing = "Property 'payload' is empty"),
};

static const Field zulip_execution_fields[] = {
    SERVICE_URL,
    SERVICE_PAYLOAD,
    SERVICE_TEXT("channel", "Channel of the message."),
    SERVICE_TEXT("username", "Name of the sender."),
    SERVICE_TEXT("iconUrl", "Address of the sender's icon."),
    SERVICE_TEXT("iconEmoji", "Emoji as the sender's icon."),
    SERVICE_EXECUTION_FIELDS,
    SERVICE_OPTIONS,
    {},
};

const Type task_zulip_execution = {
    SERVICE_TYPE,
    .name = "io.kestra.plugin.zulip.ZulipExecution",
    ALIASES("io.kestra.plugin.notifications.zulip.ZulipExecution"),
    .title = "Tell Zulip about an execution.",
    .fields = zulip_execution_fields,
    SERVICE_ROW(.uri = "{{ own.url }}", .raw = "payload", .body = slack_message, .of_execution = true),
};

/* --- Discord --- */

const Type task_discord_incoming_webhook = {
    SERVICE_TYPE,
    .name = "io.kestra.plugin.discord.DiscordIncomingWebhook",
    ALIASES("io.kestra.plugin.notifications.discord.DiscordIncomingWebhook"),
    .title = "Send a message to Discord by an incoming webhook.",
    EXAMPLES("id: tell\n"
             "type: io.kestra.plugin.discord.DiscordIncomingWebhook\n"
             "url: \"{{ secret('DISCORD_WEBHOOK') }}\"\n"
             "payload: |\n"
             "  {\"content\": \"Hello from {{ flow.id }}\"}\n"),
    .fields = webhook_fields,
    SERVICE_ROW(.uri = "{{ own.url }}", .raw = "payload", .nothing = "Property 'payload' is empty"),
};

static const Field discord_embed_fields[] = {
    SERVICE_TEXT("title", "Title."),
    SERVICE_TEXT("websiteUrl", "Where the title leads."),
    SERVICE_TEXT("description", "Text."),
    SERVICE_TEXT("thumbnail", "Address of a small picture."),
    SERVICE_TEXT("authorName", "Name of the author."),
    {"color", FIELD_LIST, FIELD_DYNAMIC, .item = FIELD_INTEGER, .doc = "Red, green, blue: 0 to 255."},
    SERVICE_TEXT("footer", "Text at the bottom."),
    {},
};
static const Field discord_execution_fields[] = {
    SERVICE_URL,
    SERVICE_PAYLOAD,
    SERVICE_TEXT("username", "Name of the sender."),
    SERVICE_TEXT("avatarUrl", "Address of the sender's picture."),
    {"embedList", FIELD_LIST, FIELD_DYNAMIC, .item = FIELD_OBJECT, .fields = discord_embed_fields,
     .doc = "Boxes below the message; the first one gets what there is to say of the execution."},
    SERVICE_TEXT("content", "Text of the message."),
    SERVICE_EXECUTION_FIELDS,
    SERVICE_OPTIONS,
    {},
};

static const char discord_message[] = SERVICE_JSON({
    "username": "{{ own.username }}",
    "avatar_url": "{{ own.avatarUrl }}",
    "tts": false,
    "content": "{{ own.content ?? own.customMessage }}",
    "embeds": [ {
        "for": "{{ own.embedList is empty ? [{}] : own.embedList }}",
        "title": "{{ item.title ?? null }}",
        "description": "{{ item.description ?? null }}",
        "url": "{{ item.websiteUrl ?? null }}",
        "thumbnail": {"if": "{{ item.thumbnail is defined }}", "url": "{{ item.thumbnail }}"},
        "author": {
            "if": "{{ item.authorName is defined }}",
            "name": "{{ item.authorName }}",
            "url": "{{ item.websiteUrl ?? null }}",
            "icon_url": "{{ own.avatarUrl }}"
        },
        "color": "{{ item.color is defined ? (item.color | jq('map(tonumber) | .[0] * 65536 + .[1] * 256 + .[2]') | first) : null }}",
        "footer": {"if": "{{ item.footer is defined }}", "text": "{{ item.footer }}"},
        "...": {
            "if": "{{ index == 0 }}",
            "description": "Namespace: {{ it.execution.namespace }}\nFlow ID: {{ it.execution.flowId }}\nExecution ID: {{ it.execution.id }}\nExecution Status: {{ it.execution.state.current }}\nFinal task ID: {{ it.lastTask is empty ? '-' : it.lastTask.taskId }}{{ it.link is empty ? '' : '\n\n[Link to the Execution page](' ~ it.link ~ ')' }}",
            "footer": {"text": "{{ it.outcome }}"}
        }
    } ]
});

const Type task_discord_execution = {
    SERVICE_TYPE,
    .name = "io.kestra.plugin.discord.DiscordExecution",
    ALIASES("io.kestra.plugin.notifications.discord.DiscordExecution"),
    .title = "Tell Discord about an execution.",
    EXAMPLES("id: alert\n"
             "type: io.kestra.plugin.discord.DiscordExecution\n"
             "url: \"{{ secret('DISCORD_WEBHOOK') }}\"\n"
             "executionId: \"{{ trigger.executionId }}\"\n"
             "embedList:\n"
             "  - title: A flow has failed\n"
             "    color: [255, 0, 0]\n"),
    .fields = discord_execution_fields,
    SERVICE_ROW(.uri = "{{ own.url }}", .raw = "payload", .body = discord_message, .of_execution = true),
};

/* --- Microsoft Teams --- */

const Type task_teams_incoming_webhook = {
    SERVICE_TYPE,
    .name = "io.kestra.plugin.microsoft365.teams.TeamsIncomingWebhook",
    ALIASES("io.kestra.plugin.notifications.teams.TeamsIncomingWebhook"),
    .title = "Send a message to Microsoft Teams by an incoming webhook.",
    .fields = webhook_fields,
    SERVICE_ROW(.uri = "{{ own.url }}", .raw = "payload", .nothing = "Property 'payload' is empty"),
};

static const Field teams_execution_fields[] = {
    SERVICE_URL,
    SERVICE_PAYLOAD,
    {"themeColor", FIELD_STRING, FIELD_DYNAMIC, .fallback = "\"0076D7\"", .doc = "Colour of the card."},
    SERVICE_TEXT("activityTitle", "Title of the card."),
    SERVICE_TEXT("activitySubtitle", "Title below the title."),
    SERVICE_EXECUTION_FIELDS,
    SERVICE_OPTIONS,
    {},
};

static const char teams_message[] = SERVICE_JSON({
    "@type": "MessageCard",
    "@context": "http://schema.org/extensions",
    "themeColor": "{{ own.themeColor }}",
    "summary": "{{ it.link is empty ? it.title : '<' ~ it.link ~ '|' ~ it.title ~ '>' }}\n> {{ it.outcome }}",
    "text": "{{ own.customMessage }}",
    "sections": [ {
        "activityTitle": "{{ own.activityTitle }}",
        "activitySubtitle": "{{ own.activitySubtitle }}",
        "facts": [
            {"name": "Namespace", "value": "{{ it.execution.namespace }}"},
            {"name": "Flow ID", "value": "{{ it.execution.flowId }}"},
            {"name": "Execution ID", "value": "{{ it.execution.id }}"},
            {"name": "Execution Status", "value": "{{ it.execution.state.current }}"},
            {"if": "{{ it.lastTask is not empty }}", "name": "Final task ID", "value": "{{ it.lastTask.taskId }}"},
            {"for": "{{ own.customFields }}", "name": "{{ item.key }}", "value": "{{ item.value }}"}
        ],
        "markdown": true
    } ]
});

const Type task_teams_execution = {
    SERVICE_TYPE,
    .name = "io.kestra.plugin.microsoft365.teams.TeamsExecution",
    ALIASES("io.kestra.plugin.notifications.teams.TeamsExecution"),
    .title = "Tell Microsoft Teams about an execution.",
    .fields = teams_execution_fields,
    SERVICE_ROW(.uri = "{{ own.url }}", .raw = "payload", .body = teams_message, .of_execution = true),
};

/* --- Google Chat --- */

const Type task_google_chat_incoming_webhook = {
    SERVICE_TYPE,
    .name = "io.kestra.plugin.googleworkspace.chat.GoogleChatIncomingWebhook",
    ALIASES("io.kestra.plugin.notifications.google.GoogleChatIncomingWebhook"),
    .title = "Send a message to Google Chat by an incoming webhook.",
    .fields = webhook_fields,
    SERVICE_ROW(.uri = "{{ own.url }}", .raw = "payload", .nothing = "Property 'payload' is empty"),
};

static const Field google_chat_execution_fields[] = {
    SERVICE_URL,
    SERVICE_PAYLOAD,
    SERVICE_TEXT("text", "Text of the message, instead of the built-in one."),
    SERVICE_EXECUTION_FIELDS,
    SERVICE_OPTIONS,
    {},
};

const Type task_google_chat_execution = {
    SERVICE_TYPE,
    .name = "io.kestra.plugin.googleworkspace.chat.GoogleChatExecution",
    ALIASES("io.kestra.plugin.notifications.google.GoogleChatExecution"),
    .title = "Tell Google Chat about an execution.",
    .fields = google_chat_execution_fields,
    SERVICE_ROW(.uri = "{{ own.url }}", .raw = "payload", .of_execution = true,
                .body = SERVICE_JSON({"text": "{{ own.text ?? it.text }}"})),
};

/* --- Telegram --- */

static const char *const telegram_parse_modes[] = {"HTML", "MARKDOWNV2", NULL};
#define TELEGRAM_FIELDS                                                                                                \
    SERVICE_NEEDED("token", "Token of the bot."), SERVICE_NEEDED("channel", "Chat that gets the message."),            \
        SERVICE_TEXT("payload", "Text of the message."),                                                               \
        {"parseMode", FIELD_ENUM, FIELD_DYNAMIC, .values = telegram_parse_modes, .doc = "How the text is marked up."}, \
        {"endpointOverride", FIELD_STRING, FIELD_DYNAMIC, .fallback = "\"https://api.telegram.org\"",                  \
         .doc = "Address of the Bot API."},                                                                            \
        SERVICE_OPTIONS

#define TELEGRAM_ROW                                                                                                   \
    .uri = "{{ own.endpointOverride }}/bot{{ own.token }}/sendMessage",                                                \
    .refused = "{{ (answer.ok ?? false) ? '' : answer | toJson }}"

static const Field telegram_fields[] = {
    TELEGRAM_FIELDS,
    {},
};
static const Field telegram_execution_fields[] = {
    TELEGRAM_FIELDS,
    SERVICE_EXECUTION_FIELDS,
    {},
};

static const char telegram_message[] = SERVICE_JSON({
    "if": "{{ own.payload is not empty }}",
    "chat_id": "{{ own.channel }}",
    "text": "{{ own.payload }}",
    "parse_mode" :
        "{{ own.parseMode is empty ? null : (own.parseMode == 'MARKDOWNV2' ? 'MarkdownV2' : own.parseMode) }}"
});

const Type task_telegram_send = {
    SERVICE_TYPE,
    .name = "io.kestra.plugin.telegram.TelegramSend",
    ALIASES("io.kestra.plugin.notifications.telegram.TelegramSend"),
    .title = "Send a message to Telegram.",
    EXAMPLES("id: tell\n"
             "type: io.kestra.plugin.telegram.TelegramSend\n"
             "token: \"{{ secret('TELEGRAM_TOKEN') }}\"\n"
             "channel: \"2072728690\"\n"
             "payload: \"{{ flow.id }} is done\"\n"),
    .fields = telegram_fields,
    SERVICE_ROW(TELEGRAM_ROW, .body = telegram_message, .nothing = "Property 'payload' is empty"),
};

const Type task_telegram_execution = {
    SERVICE_TYPE,
    .name = "io.kestra.plugin.telegram.TelegramExecution",
    ALIASES("io.kestra.plugin.notifications.telegram.TelegramExecution"),
    .title = "Tell Telegram about an execution.",
    .fields = telegram_execution_fields,
    SERVICE_ROW(TELEGRAM_ROW, .of_execution = true,
                .body = SERVICE_JSON({"chat_id": "{{ own.channel }}", "text": "{{ own.payload ?? it.text }}"})),
};

/* --- LINE --- */

static const Field line_fields[] = {
    {"url", FIELD_STRING, FIELD_DYNAMIC, .fallback = "\"https://api.line.me/v2/bot/message/broadcast\"",
     .doc = "Address of the Messaging API."},
    SERVICE_NEEDED("channelAccessToken", "Token of the channel."),
    SERVICE_TEXT("textBody", "Text of the message, instead of the built-in one."),
    SERVICE_EXECUTION_FIELDS,
    SERVICE_OPTIONS,
    {},
};

const Type task_line_execution = {
    SERVICE_TYPE,
    .name = "io.kestra.plugin.line.LineExecution",
    ALIASES("io.kestra.plugin.notifications.line.LineExecution"),
    .title = "Tell the friends of a LINE account about an execution.",
    .fields = line_fields,
    SERVICE_ROW(.uri = "{{ own.url }}", .of_execution = true,
                .headers = SERVICE_JSON({"Authorization": "Bearer {{ own.channelAccessToken }}"}),
                .body = SERVICE_JSON({"messages": [ {"type": "text", "text": "{{ own.textBody ?? it.text }}"} ]})),
};

/* --- Messenger --- */

static const char *const messenger_types[] = {"RESPONSE", "UPDATE", "MESSAGE_TAG", NULL};
static const Field messenger_fields[] = {
    SERVICE_NEEDED("pageId", "Page that sends."),
    SERVICE_NEEDED("accessToken", "Token of the page, with pages_messaging."),
    {"recipientIds", FIELD_LIST, FIELD_DYNAMIC | FIELD_REQUIRED, .item = FIELD_STRING, .doc = "Who gets the message."},
    {"messagingType", FIELD_ENUM, FIELD_DYNAMIC, .values = messenger_types, .fallback = "\"UPDATE\"",
     .doc = "Kind of message."},
    SERVICE_TEXT("textBody", "Text of the message, instead of the built-in one."),
    SERVICE_TEXT("url", "Address of the API, instead of that of the page."),
    SERVICE_EXECUTION_FIELDS,
    SERVICE_OPTIONS,
    {},
};

const Type task_messenger_execution = {
    SERVICE_TYPE,
    .name = "io.kestra.plugin.meta.messenger.MessengerExecution",
    ALIASES("io.kestra.plugin.notifications.messenger.MessengerExecution"),
    .title = "Tell people on Messenger about an execution.",
    .fields = messenger_fields,
    SERVICE_ROW(.uri = "{{ own.url ?? ('https://graph.facebook.com/v23.0/' ~ own.pageId ~ '/messages?access_token=' ~ "
                       "own.accessToken) }}",
                .each = "{{ own.recipientIds }}", .of_execution = true,
                .body = SERVICE_JSON({
                    "recipient": {"id": "{{ item }}"},
                    "messaging_type": "{{ own.messagingType }}",
                    "message": {"text": "{{ own.textBody ?? it.text }}"}
                })),
};

/* --- WhatsApp --- */

const Type task_whatsapp_incoming_webhook = {
    SERVICE_TYPE,
    .name = "io.kestra.plugin.meta.whatsapp.WhatsAppIncomingWebhook",
    ALIASES("io.kestra.plugin.notifications.whatsapp.WhatsAppIncomingWebhook"),
    .title = "Send a message to WhatsApp by an incoming webhook.",
    .fields = webhook_fields,
    SERVICE_ROW(.uri = "{{ own.url }}", .raw = "payload", .nothing = "Property 'payload' is empty"),
};

static const Field whatsapp_execution_fields[] = {
    SERVICE_URL,
    SERVICE_PAYLOAD,
    SERVICE_TEXT("profileName", "Name of the profile."),
    {"whatsAppIds", FIELD_LIST, FIELD_DYNAMIC, .item = FIELD_STRING, .doc = "Business account identifiers."},
    SERVICE_TEXT("from", "Number of the sender."),
    SERVICE_TEXT("messageId", "Identifier of the message."),
    SERVICE_TEXT("textBody", "Text of the message, instead of the built-in one."),
    SERVICE_TEXT("recipientId", "Identifier of the recipient."),
    SERVICE_EXECUTION_FIELDS,
    SERVICE_OPTIONS,
    {},
};

static const char whatsapp_message[] = SERVICE_JSON({
    "contacts" :
        [ {"for": "{{ own.whatsAppIds }}", "profile": {"name": "{{ own.profileName }}"}, "wa_id": "{{ item }}"} ],
    "messages": [ {
        "from": "{{ own.from }}",
        "id": "{{ own.messageId }}",
        "text": {"body": "{{ own.textBody ?? it.text }}"},
        "type": "text"
    } ],
    "recipient_id": "{{ own.recipientId }}"
});

const Type task_whatsapp_execution = {
    SERVICE_TYPE,
    .name = "io.kestra.plugin.meta.whatsapp.WhatsAppExecution",
    ALIASES("io.kestra.plugin.notifications.whatsapp.WhatsAppExecution"),
    .title = "Tell people on WhatsApp about an execution.",
    .fields = whatsapp_execution_fields,
    SERVICE_ROW(.uri = "{{ own.url }}", .body = whatsapp_message, .of_execution = true),
};

/* --- Tencent QQ --- */

#define QQ_HEADERS SERVICE_JSON({"Authorization": "{{ own.token is empty ? null : 'Bearer ' ~ own.token }}"})

static const Field qq_fields[] = {
    SERVICE_URL,
    SERVICE_TEXT("token", "Token of the API."),
    SERVICE_NEEDED("payload", "What is sent, as JSON."),
    SERVICE_OPTIONS,
    {},
};

const Type task_qq_incoming_webhook = {
    SERVICE_TYPE,
    .name = "io.kestra.plugin.tencent.qq.QQIncomingWebhook",
    .title = "Send a message to Tencent QQ.",
    .fields = qq_fields,
    SERVICE_ROW(.uri = "{{ own.url }}", .headers = QQ_HEADERS, .raw = "payload"),
};

static const Field qq_execution_fields[] = {
    SERVICE_URL,
    SERVICE_TEXT("token", "Token of the API."),
    SERVICE_PAYLOAD,
    {"recipientIds", FIELD_LIST, FIELD_DYNAMIC, .item = FIELD_STRING, .doc = "Who gets the message."},
    SERVICE_EXECUTION_FIELDS,
    SERVICE_OPTIONS,
    {},
};

static const char qq_message[] = SERVICE_JSON({
    "To_Account": "{{ item }}",
    "MsgRandom": "{{ now(format='n') | number('INT') }}",
    "MsgBody": [ {"MsgType": "TIMTextElem", "MsgContent": {"Text": "{{ it.text }}"}} ]
});

const Type task_qq_execution = {
    SERVICE_TYPE,
    .name = "io.kestra.plugin.tencent.qq.QQExecution",
    .title = "Tell people on Tencent QQ about an execution.",
    .fields = qq_execution_fields,
    SERVICE_ROW(.uri = "{{ own.url }}", .headers = QQ_HEADERS, .raw = "payload", .body = qq_message,
                .each = "{{ own.payload is not empty ? [1] : own.recipientIds }}", .of_execution = true),
};
