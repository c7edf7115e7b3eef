import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.ObjectReader;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Properties;
import java.util.UUID;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicLong;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.common.utils.Bytes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.KeyValue;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.errors.StreamsUncaughtExceptionHandler.StreamThreadExceptionResponse;
import org.apache.kafka.streams.kstream.Consumed;
import org.apache.kafka.streams.kstream.Materialized;
import org.apache.kafka.streams.kstream.Produced;
import org.apache.kafka.streams.kstream.Suppressed;
import org.apache.kafka.streams.kstream.TimeWindows;
import org.apache.kafka.streams.state.Stores;
import org.apache.kafka.streams.state.WindowBytesStoreSupplier;
import org.apache.kafka.streams.state.WindowStore;

/**
 * One-second bars by Kafka Streams: two threads, state in memory without a changelog, bars written when their window closes.
 *
 * <pre>ticks ──► groupByKey ──► windowedBy(1 s) ──► aggregate ──► suppress until the window closes ──► bars</pre>
 */
public final class KafkaStreamsBars {
    private static final Duration SECOND = Duration.ofSeconds(1);
    private static final ObjectMapper JSON = new ObjectMapper().configure(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES, false);
    private static final ObjectReader TICK = JSON.readerFor(Tick.class);

    public static final class Tick {
        public String symbol;
        public long timestamp;
        public double price;
        public double size;
    }

    public static final class Bar {
        public String symbol = "";
        public long start;
        public double open;
        public double high;
        public double low;
        public double close;
        public double volume;
        public long tradeCount;

        Bar add(Tick tick) {
            if (tradeCount == 0) {
                symbol = tick.symbol;
                start = tick.timestamp / 1_000_000_000L * 1_000_000_000L;
                open = high = low = tick.price;
            }
            high = Math.max(high, tick.price);
            low = Math.min(low, tick.price);
            close = tick.price;
            volume += tick.size;
            tradeCount++;
            return this;
        }

        /** As it lies in the store: compact, for it is read and written at each tick. */
        byte[] packed() {
            byte[] name = symbol.getBytes(StandardCharsets.UTF_8);
            ByteBuffer buffer = ByteBuffer.allocate(56 + name.length).putLong(start).putDouble(open).putDouble(high).putDouble(low);
            return buffer.putDouble(close).putDouble(volume).putLong(tradeCount).put(name).array();
        }

        static Bar unpacked(byte[] bytes) {
            ByteBuffer buffer = ByteBuffer.wrap(bytes);
            Bar bar = new Bar();
            bar.start = buffer.getLong();
            bar.open = buffer.getDouble();
            bar.high = buffer.getDouble();
            bar.low = buffer.getDouble();
            bar.close = buffer.getDouble();
            bar.volume = buffer.getDouble();
            bar.tradeCount = buffer.getLong();
            bar.symbol = new String(bytes, buffer.position(), buffer.remaining(), StandardCharsets.UTF_8);
            return bar;
        }
    }

    public static void main(String[] arguments) throws Exception {
        String bootstrap = arguments[0], ticks = arguments[1], bars = arguments[2];
        long total = Long.parseLong(arguments[3]);
        AtomicLong seen = new AtomicLong();
        CountDownLatch all = new CountDownLatch(1);
        StreamsBuilder builder = build(ticks, bars, () -> {
            if (seen.incrementAndGet() == total) {
                all.countDown();
            }
        });
        try (KafkaStreams streams = new KafkaStreams(builder.build(), settings(bootstrap))) {
            streams.setUncaughtExceptionHandler(error -> {
                error.printStackTrace();
                Runtime.getRuntime().halt(1);
                return StreamThreadExceptionResponse.SHUTDOWN_APPLICATION;
            });
            streams.start();
            all.await();
        }
    }

    private static StreamsBuilder build(String ticks, String bars, Runnable counted) {
        StreamsBuilder builder = new StreamsBuilder();
        Serde<Tick> tick = Serdes.serdeFrom((topic, value) -> null, (topic, bytes) -> parsed(bytes));
        WindowBytesStoreSupplier memory = Stores.inMemoryWindowStore("bars", Duration.ofSeconds(2), SECOND, false);
        builder.stream(ticks, Consumed.with(Serdes.String(), tick).withTimestampExtractor((record, previous) -> ((Tick) record.value()).timestamp / 1_000_000L))
            .peek((symbol, value) -> counted.run())
            .groupByKey()
            .windowedBy(TimeWindows.ofSizeWithNoGrace(SECOND))
            .aggregate(Bar::new, (symbol, value, open) -> open.add(value), kept(memory))
            .suppress(Suppressed.untilWindowCloses(Suppressed.BufferConfig.unbounded().withLoggingDisabled()))
            .toStream()
            .map((window, closed) -> KeyValue.pair(window.key(), json(closed)))
            .to(bars, Produced.with(Serdes.String(), Serdes.ByteArray()));
        return builder;
    }

    /** With its cache on, the store hands updates on when it commits: bars would come up to 30 s after they closed. */
    private static Materialized<String, Bar, WindowStore<Bytes, byte[]>> kept(WindowBytesStoreSupplier memory) {
        Serde<Bar> bar = Serdes.serdeFrom((topic, value) -> value.packed(), (topic, bytes) -> bytes == null ? null : Bar.unpacked(bytes));
        return Materialized.<String, Bar>as(memory).withKeySerde(Serdes.String()).withValueSerde(bar).withLoggingDisabled().withCachingDisabled();
    }

    private static Tick parsed(byte[] bytes) {
        try {
            return TICK.readValue(bytes);
        } catch (IOException error) {
            throw new UncheckedIOException(error);
        }
    }

    private static byte[] json(Bar bar) {
        try {
            return JSON.writeValueAsBytes(bar);
        } catch (IOException error) {
            throw new UncheckedIOException(error);
        }
    }

    private static Properties settings(String bootstrap) {
        Properties settings = new Properties();
        settings.put(StreamsConfig.APPLICATION_ID_CONFIG, "bars-" + UUID.randomUUID());
        settings.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, bootstrap);
        settings.put(StreamsConfig.NUM_STREAM_THREADS_CONFIG, 2);
        settings.put(StreamsConfig.STATE_DIR_CONFIG, System.getProperty("java.io.tmpdir") + "/kafka-streams-" + UUID.randomUUID());
        settings.put(StreamsConfig.consumerPrefix("auto.offset.reset"), "earliest");
        settings.put(StreamsConfig.consumerPrefix("max.poll.records"), 10_000);
        return settings;
    }
}
