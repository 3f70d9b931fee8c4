/* SPDX-License-Identifier: Apache-2.0 */
/*
 * serial.c - a 16550A.  Transmission is instant: the holding register is
 * always empty, so LSR always says so.
 */
#include "devices/legacy/serial.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "vmm/core/layout.h"
#include "vmm/lib/io.h"
#include "vmm/lib/list.h"
#include "vmm/lib/log.h"

enum { RBR_THR_DLL, IER_DLM, IIR_FCR, LCR, MCR, LSR, MSR, SCR, NR_REGS };

#define IER_RX		0x01
#define IER_THRE	0x02
#define IIR_NONE	0x01
#define IIR_THRE	0x02
#define IIR_RX		0x04
#define IIR_FIFO_ON	0xc0
#define FCR_ENABLE	0x01
#define FCR_CLEAR_RX	0x02
#define LCR_DLAB	0x80
#define MCR_OUT2	0x08
#define MCR_LOOP	0x10
#define LSR_DR		0x01
#define LSR_TX_EMPTY	0x60
#define MSR_CTS_DSR_DCD 0xb0

static bool rx_waiting(const struct serial *s)
{
	return s->fifo_len > 0;
}

static void raise_if_due(const struct serial *s)
{
	if (((s->ier & IER_RX) && rx_waiting(s)) ||
	    ((s->ier & IER_THRE) && s->thr_empty_irq))
		irq_raise(&s->irq);
}

/* The input is watched only while there is room for what it brings. */
static void watch_input(struct serial *s)
{
	if (s->in.fd >= 0)
		(void)loop_set(s->loop, &s->in,
			       s->fifo_len < SERIAL_FIFO ? EPOLLIN : 0);
}

static void fifo_put(struct serial *s, uint8_t byte)
{
	if (s->fifo_len == SERIAL_FIFO)
		return;
	s->fifo[(s->fifo_head + s->fifo_len++) % SERIAL_FIFO] = byte;
}

static uint8_t fifo_get(struct serial *s)
{
	if (s->fifo_len == 0)
		return 0;
	uint8_t byte = s->fifo[s->fifo_head];
	s->fifo_head = (s->fifo_head + 1) % SERIAL_FIFO;
	s->fifo_len--;
	watch_input(s);
	return byte;
}

static void transmit(struct serial *s, uint8_t byte)
{
	if (s->mcr & MCR_LOOP) {
		fifo_put(s, byte);
	} else if (limit_take(&s->limit, 1, 0)) {
		s->flooded++;
	} else if (!(io_poll_now(s->out_fd, POLLOUT) & POLLOUT) ||
		   write(s->out_fd, &byte, 1) != 1) {
		s->dropped++;
	}
	s->thr_empty_irq = true;
	raise_if_due(s);
}

static uint8_t read_iir(struct serial *s)
{
	uint8_t fifo = s->fcr & FCR_ENABLE ? IIR_FIFO_ON : 0;

	if ((s->ier & IER_RX) && rx_waiting(s))
		return fifo | IIR_RX;
	if ((s->ier & IER_THRE) && s->thr_empty_irq) {
		s->thr_empty_irq = false; /* reading it is the answer to it */
		return fifo | IIR_THRE;
	}
	return fifo | IIR_NONE;
}

static uint8_t read_msr(const struct serial *s)
{
	if (!(s->mcr & MCR_LOOP))
		return MSR_CTS_DSR_DCD;
	/* Loopback: DTR, RTS, OUT1, OUT2 come back as DSR, CTS, RI, DCD. */
	return (uint8_t)((s->mcr & 0x02) << 3 | (s->mcr & 0x01) << 5 |
			 (s->mcr & 0x0c) << 4);
}

static uint8_t read_reg(struct serial *s, uint64_t reg)
{
	switch (reg) {
	case RBR_THR_DLL:
		return s->lcr & LCR_DLAB ? s->dll : fifo_get(s);
	case IER_DLM:
		return s->lcr & LCR_DLAB ? s->dlm : s->ier;
	case IIR_FCR:
		return read_iir(s);
	case LCR:
		return s->lcr;
	case MCR:
		return s->mcr;
	case LSR:
		return LSR_TX_EMPTY | (rx_waiting(s) ? LSR_DR : 0);
	case MSR:
		return read_msr(s);
	default:
		return s->scr;
	}
}

static void write_reg(struct serial *s, uint64_t reg, uint8_t v)
{
	switch (reg) {
	case RBR_THR_DLL:
		if (s->lcr & LCR_DLAB)
			s->dll = v;
		else
			transmit(s, v);
		break;
	case IER_DLM:
		if (s->lcr & LCR_DLAB) {
			s->dlm = v;
			break;
		}
		/* Enabling it while the register is empty asks at once. */
		if ((v & IER_THRE) && !(s->ier & IER_THRE))
			s->thr_empty_irq = true;
		s->ier = v & 0x0f;
		raise_if_due(s);
		break;
	case IIR_FCR:
		s->fcr = v;
		if (v & FCR_CLEAR_RX) {
			s->fifo_len = 0;
			watch_input(s);
		}
		break;
	case LCR:
		s->lcr = v;
		break;
	case MCR:
		s->mcr = v & 0x1f;
		break;
	case SCR:
		s->scr = v;
		break;
	default: /* LSR and MSR are read-only */
		break;
	}
}

static void serial_read(void *owner, uint64_t off, void *data, unsigned len)
{
	struct serial *s = owner;

	memset(data, 0, len);
	(void)pthread_mutex_lock(&s->lock);
	*(uint8_t *)data = read_reg(s, off);
	(void)pthread_mutex_unlock(&s->lock);
}

static void serial_write(void *owner, uint64_t off, const void *data,
			 unsigned len)
{
	struct serial *s = owner;

	(void)len;
	(void)pthread_mutex_lock(&s->lock);
	write_reg(s, off, *(const uint8_t *)data);
	(void)pthread_mutex_unlock(&s->lock);
}

static void serial_input(struct loop_fd *src, uint32_t events)
{
	struct serial *s = container_of(src, struct serial, in);
	uint8_t buf[SERIAL_FIFO];

	(void)events;
	(void)pthread_mutex_lock(&s->lock);
	size_t room = SERIAL_FIFO - s->fifo_len;
	ssize_t n = room ? read(src->fd, buf, room) : -1;
	for (ssize_t i = 0; i < n; i++)
		fifo_put(s, buf[i]);
	if (n == 0 || (n < 0 && room && errno != EAGAIN && errno != EINTR)) {
		loop_remove(s->loop, src);
		src->fd = -1;
	} else {
		watch_input(s);
		raise_if_due(s);
	}
	(void)pthread_mutex_unlock(&s->lock);
}

static const struct bus_ops serial_ops = {
	.read = serial_read,
	.write = serial_write,
};

int serial_init(struct serial *s, struct bus *pio, struct irqchip *chip,
		struct loop *loop, int out_fd, int in_fd, struct err *err)
{
	*s = (struct serial){
		.out_fd = out_fd,
		.loop = loop,
		.in = { .fd = in_fd, .ready = serial_input },
		.irq.fd = -1,
	};
	(void)pthread_mutex_init(&s->lock, NULL);
	serial_limit(s, SERIAL_RATE);

	int r = irq_open_line(&s->irq, chip, LAYOUT_COM1_IRQ, err);
	if (r < 0)
		return err_wrap(err, "serial port");
	r = bus_add(pio, LAYOUT_COM1, NR_REGS, &serial_ops, s);
	if (r < 0)
		return err_set(err, -r, "serial port: claim its I/O ports");
	if (in_fd >= 0) {
		r = loop_set(loop, &s->in, EPOLLIN);
		/* A regular file cannot be polled: no input then. */
		if (r == -EPERM)
			s->in.fd = -1;
		else if (r < 0)
			return err_set(err, -r, "serial port: watch input");
	}
	return 0;
}

void serial_limit(struct serial *s, uint64_t rate)
{
	limit_init(&s->limit, rate, 0);
}

void serial_done(struct serial *s)
{
	if (s->flooded)
		log_warn("serial port: the guest printed more than %" PRIu64
			 " bytes a second, and %" PRIu64 " bytes were dropped",
			 s->limit.bytes.rate, s->flooded);
	if (s->in.fd >= 0)
		loop_remove(s->loop, &s->in);
	irq_close(&s->irq);
	(void)pthread_mutex_destroy(&s->lock);
}
