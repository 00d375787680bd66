/* Documents that were handed in; see feed_mail.h. */
#include "drivers/feed_mail.h"

#include <stdlib.h>
#include <string.h>

enum { LETTERS_MOST = 64 };

void feed_mail_init(struct feed_mail *mail)
{
    *mail = (struct feed_mail){.end = &mail->first};
}

struct feed_letter *feed_mail_take(struct feed_mail *mail)
{
    struct feed_letter *letter = mail->first;
    if (!letter)
        return NULL;
    mail->first = letter->next;
    if (!mail->first)
        mail->end = &mail->first;
    mail->count--;
    mail->bytes -= letter->length;
    return letter;
}

void feed_mail_finish(struct feed_mail *mail)
{
    while (mail->first)
        free(feed_mail_take(mail));
}

static int make_room(struct feed_mail *mail, size_t length)
{
    int lost = 0;
    for (; mail->count == LETTERS_MOST || mail->bytes + length > LIMIT_FEED_BYTES; lost++)
        free(feed_mail_take(mail));
    return lost;
}

int feed_mail_put(struct feed_mail *mail, int feed, const void *bytes, size_t length, bool stored)
{
    struct feed_letter *letter =
        length <= LIMIT_FEED_BYTES ? malloc(sizeof *letter + length) : NULL;
    if (!letter)
        return 1;
    int lost = make_room(mail, length);
    *letter = (struct feed_letter){.feed = feed, .stored = stored, .length = length};
    if (length > 0)
        memcpy(letter->bytes, bytes, length);
    *mail->end = letter;
    mail->end = &letter->next;
    mail->count++;
    mail->bytes += length;
    return lost;
}
